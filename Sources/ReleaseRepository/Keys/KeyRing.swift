import Foundation
import JSON
import Signatures
import TOML
import TUF

/// A folder with the keys of a repository: who may sign what, and how to.
///
/// * `N.root.json` are the root metadata, every version since the first. They alone say which keys a role has and how
///   many must sign.
/// * `keys.toml` says for each public key where its secret is: a PKCS#8 file or a command.
/// * `NAME.pub` are public keys, `NAME.pem` (mode 0600) private ones. Those of the root may lie in a folder of their
///   own, which is offline except for `keys rotate` and `keys renew`.
///
/// * `published.json` says what was published last.
///
/// Keys that no role has any more stay listed: while hosts still know an older root, metadata are signed with both.
public struct KeyRing: Sendable {
    /// The folder.
    public let folder: String
    /// All root metadata from version 1 on, checked as a chain.
    public private(set) var roots: RootChain
    /// How to sign, by identifiers of keys.
    private(set) var signers: [String: Signer]
    /// The entries of `keys.toml` in their order.
    private(set) var entries: [Entry]

    /// A key in `keys.toml`.
    struct Entry: Sendable, Equatable {
        var publicFile: String
        var source: Signer.Source
    }

    static let listName = "keys.toml"
    /// Most keys of a list that is written; those of the oldest roots go first.
    static let keyLimit = 256
    /// Bytes of the list.
    private static let listLimit = 256 << 10
    /// Most keys of a list that is read.
    private static let readLimit = 4096

    /// Reads a key ring; private keys are not touched.
    ///
    /// - Throws: `RepositoryError`.
    public init(reading folder: String) throws(RepositoryError) {
        self.folder = folder
        let list = Self.place(Self.listName, in: folder)
        guard let bytes = try DurableFiles.read(list, limit: Self.listLimit) else {
            throw .notFound(path: folder, what: "key ring", command: "bulkhead keys init \(folder)")
        }
        roots = try RootChain(reading: folder)
        guard roots.latest != nil else {
            throw .badKeyRing(path: folder, reason: "it has no 1.root.json; restore it from the repository")
        }
        entries = try Self.parse(bytes, path: list)
        signers = try Self.signers(entries, folder: folder)
    }

    init(folder: String, roots: RootChain, entries: [Entry]) throws(RepositoryError) {
        self.folder = folder
        self.roots = roots
        self.entries = entries
        signers = try Self.signers(entries, folder: folder)
    }

    /// The newest root.
    ///
    /// - Throws: `RepositoryError.badKeyRing` where there is none.
    func newestRoot() throws(RepositoryError) -> Root {
        guard let root = roots.latest else {
            throw .badKeyRing(path: folder, reason: "it has no root metadata")
        }
        return root.signed
    }

    /// Signs metadata for every one of some roots: each must find its threshold.
    ///
    /// - Parameter roots: the root that counts, and perhaps older ones for hosts that do not know it yet; for these,
    ///   keys that are not at hand any more are no error.
    func sign<Role: SignedRole>(_ role: Role, for roots: [Root]) async throws(RepositoryError) -> [UInt8] {
        var metadata: Metadata<Role>
        do throws(TUFError) { metadata = try Metadata(role) } catch {
            throw .metadata(name: Role.type, error)
        }
        for (index, root) in roots.enumerated() {
            let isOlder = index > 0
            guard let keys = root.roles[Role.type] else { continue }
            try await sign(&metadata, with: keys, of: root, isRequired: !isOlder)
        }
        return metadata.encoded()
    }

    /// Adds signatures up to a role's threshold; more would only make the file larger.
    func sign<Role: SignedRole>(
        _ metadata: inout Metadata<Role>,
        with keys: RoleKeys,
        of root: Root,
        isRequired: Bool
    ) async throws(RepositoryError) {
        var reasons: [String] = []
        for keyID in keys.keyIDs
        where metadata.validSignatures(of: keys, keys: root.keys) < Int(clamping: keys.threshold) {
            guard let signer = signers[keyID] else {
                reasons.append("keys.toml lacks the key \(keyID.prefix(16))")
                continue
            }
            do throws(RepositoryError) {
                metadata.add(try await signer.sign(metadata.signedBytes))
            } catch {
                reasons.append("\(error)")
            }
        }
        let found = metadata.validSignatures(of: keys, keys: root.keys)
        guard !isRequired || found >= Int(clamping: keys.threshold) else {
            throw .missingKeys(
                role: Role.type,
                found: found,
                threshold: Int(clamping: keys.threshold),
                reasons: reasons
            )
        }
    }

    // MARK: keys.toml

    private static func parse(_ bytes: [UInt8], path: String) throws(RepositoryError) -> [Entry] {
        let document: JSONValue
        do throws(TOMLError) { document = try JSONValue(parsingTOML: bytes) } catch {
            throw .badKeyRing(path: path, reason: "\(error)")
        }
        guard let tables = document["keys"]?.elements, tables.count <= readLimit else {
            throw .badKeyRing(path: path, reason: "it must have 1 to \(readLimit) tables [[keys]]")
        }
        var entries: [Entry] = []
        for (index, table) in tables.enumerated() {
            func bad(_ reason: String) -> RepositoryError {
                .badKeyRing(path: path, reason: "[[keys]] number \(index + 1): \(reason)")
            }
            for name in (table.members ?? [:]).keys.sorted()
            where !["public", "file", "command"].contains(name) {
                throw bad("'\(name)' means nothing; write public, and file or command")
            }
            guard let publicFile = table["public"]?.string else {
                throw bad("'public' is missing; name the file with the public key")
            }
            switch (table["file"], table["command"]) {
            case (.string(let file), nil):
                entries.append(Entry(publicFile: publicFile, source: .file(file)))
            case (nil, .array(let words)) where !words.isEmpty && words.allSatisfy({ $0.string != nil }):
                entries.append(Entry(publicFile: publicFile, source: .command(words.compactMap(\.string))))
            default:
                throw bad("write either file = \"KEY.pem\" or command = [\"PROGRAM\", \"ARGUMENT\"]")
            }
        }
        return entries
    }

    /// Writes `keys.toml` with the keys that roots name, those of the newest roots where there are too many.
    ///
    /// A key that no root names is of a ceremony that came to nothing.
    func writeList(for chain: RootChain) throws(RepositoryError) {
        var newest: [String: Int] = [:]
        for (version, link) in chain.links.enumerated() {
            for keyID in link.metadata.signed.roles.values.flatMap(\.keyIDs) { newest[keyID] = version }
        }
        var versions: [String: Int] = [:]
        for (keyID, signer) in signers { versions[signer.publicFile] = newest[keyID] }
        let named = entries.enumerated().compactMap { index, entry in
            versions[place(entry.publicFile)].map { (index: index, version: $0, entry: entry) }
        }
        let kept = named.sorted { ($0.version, $0.index) > ($1.version, $1.index) }.prefix(Self.keyLimit)
        let list = kept.sorted { $0.index < $1.index }.map(\.entry)
        let bytes = Array(Self.text(list).utf8)
        guard bytes.count <= Self.listLimit else {
            throw .badKeyRing(
                path: folder,
                reason:
                    "keys.toml would have \(bytes.count) bytes, more than \(Self.listLimit): use shorter commands"
            )
        }
        try DurableFiles.write(bytes, to: place(Self.listName), mode: 0o600)
    }

    private func place(_ file: String) -> String { Self.place(file, in: folder) }

    private static func place(_ file: String, in folder: String) -> String {
        file.hasPrefix("/") ? file : "\(folder)/\(file)"
    }

    /// The text of `keys.toml`.
    static func text(_ entries: [Entry]) -> String {
        var text = """
            # How Bulkhead signs: for each public key, where its secret is. Which role a key has is in N.root.json.
            # A command gets the bytes to sign on standard input and prints the signature, raw or in base64.

            """
        for entry in entries {
            text += "\n[[keys]]\npublic = \(JSONValue.quoted(entry.publicFile))\n"
            switch entry.source {
            case .file(let file): text += "file = \(JSONValue.quoted(file))\n"
            case .command(let words):
                text += "command = [\(words.map(JSONValue.quoted).joined(separator: ", "))]\n"
            }
        }
        return text
    }

    private static func signers(_ entries: [Entry], folder: String) throws(RepositoryError) -> [String:
        Signer]
    {
        func place(_ file: String) -> String { Self.place(file, in: folder) }
        var signers: [String: Signer] = [:]
        for entry in entries {
            let path = place(entry.publicFile)
            guard let bytes = try DurableFiles.read(path, limit: Signer.keyFileLimit) else {
                throw .badKey(path: path, reason: "it is not there; restore it, or correct keys.toml")
            }
            let key = try publicKey(bytes, path: path)
            var source = entry.source
            if case .file(let file) = source { source = .file(place(file)) }
            signers[key.keyID] = Signer(publicFile: path, key: key, source: source)
        }
        return signers
    }

    /// Reads a public key in PEM.
    static func publicKey(_ bytes: [UInt8], path: String) throws(RepositoryError) -> Key {
        let key: PublicKey
        do throws(SignatureError) { key = try PublicKey(pem: String(decoding: bytes, as: UTF8.self)) } catch {
            throw .badKey(path: path, reason: "\(error)")
        }
        do throws(TUFError) { return try Key(key) } catch { throw .badKey(path: path, reason: "\(error)") }
    }
}
