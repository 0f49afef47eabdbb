import Foundation
import Signatures
import TUF

/// A new key of a key ring with the files that it gets; none is written before `write()`.
struct KeyFiles {
    /// The public key.
    let key: Key
    /// How `keys.toml` names it.
    let entry: KeyRing.Entry
    /// The file that it comes from, for messages.
    let source: String
    /// Where the secret goes; nil where it is elsewhere.
    let secretPath: String?
    private let secret: [UInt8]
    private let publicPath: String
    private let publicText: [UInt8]

    /// Where secrets of the root go by default.
    static let rootFolder = "root"

    /// Makes a key.
    ///
    /// - Parameters:
    ///   - base: the name of its files.
    ///   - secretFolder: where the secret goes, from the key ring's folder; beside the public key by default.
    init(making kind: KeyKind, _ base: String, in folder: String, secretFolder: String?)
        throws(RepositoryError)
    {
        func places(_ name: String) -> (secret: String, path: String) {
            let secret = [secretFolder, "\(name).pem"].compactMap(\.self).joined(separator: "/")
            return (secret, secret.hasPrefix("/") ? secret : "\(folder)/\(secret)")
        }
        let name = Self.free(base) { [places($0).path, "\(folder)/\($0).pub"] }
        let (secret, path) = places(name)
        do throws(SignatureError) {
            let pair = try PrivateKey.generate(kind)
            self.secret = Array(try pair.pem().utf8)
            publicText = Array(try pair.publicKey.pem().utf8)
        } catch {
            throw .badKey(path: path, reason: "\(error)")
        }
        key = try KeyRing.publicKey(publicText, path: path)
        entry = KeyRing.Entry(publicFile: "\(name).pub", source: .file(secret))
        source = path
        secretPath = path
        publicPath = "\(folder)/\(name).pub"
    }

    /// Reads the public half of a key that is elsewhere.
    init(reading publicFile: String, command: [String], _ base: String, in folder: String)
        throws(RepositoryError)
    {
        let name = Self.free(base) { ["\(folder)/\($0).pub"] }
        guard let bytes = try DurableFiles.read(publicFile, limit: Signer.keyFileLimit) else {
            throw .badKey(path: publicFile, reason: "it is not there; name a public key in PEM")
        }
        key = try KeyRing.publicKey(bytes, path: publicFile)
        publicText = Array(((try? key.publicKey().pem()) ?? key.text).utf8)
        entry = KeyRing.Entry(publicFile: "\(name).pub", source: .command(command))
        source = publicFile
        secretPath = nil
        secret = []
        publicPath = "\(folder)/\(name).pub"
    }

    /// A name that no file has: a ceremony that was cut may have left keys, and no secret is ever written over.
    private static func free(_ base: String, files: (String) -> [String]) -> String {
        var (name, attempt) = (base, 1)
        while files(name).contains(where: { access($0, F_OK) == 0 }) {
            attempt += 1
            name = "\(base)-attempt-\(attempt)"
        }
        return name
    }

    /// Writes both halves or none; the secret first, so that no public key is without one.
    func write() throws(RepositoryError) {
        if let secretPath {
            let folder = URL(filePath: secretPath).deletingLastPathComponent().path
            if access(folder, F_OK) != 0 { try DurableFiles.makeFolder(folder, mode: 0o700) }
            try DurableFiles.write(secret, to: secretPath, mode: 0o600, mayReplace: false)
        }
        do throws(RepositoryError) {
            try DurableFiles.write(publicText, to: publicPath, mayReplace: false)
        } catch {
            if let secretPath { unlink(secretPath) }
            throw error
        }
    }

    /// Removes what `write()` wrote; only for a key that no root names.
    func remove() {
        if let secretPath { unlink(secretPath) }
        unlink(publicPath)
    }

    /// Where the newest private key of the root lies.
    static func rootFolder(of ring: KeyRing) -> String {
        for entry in ring.entries.reversed() {
            guard entry.publicFile.hasPrefix("root-"), case .file(let file) = entry.source,
                let slash = file.lastIndex(of: "/")
            else { continue }
            return String(file[..<slash])
        }
        return rootFolder
    }

    /// Removes secrets that a ceremony was writing when it was killed: they may be whole, and nobody knows of them.
    ///
    /// Call it with the lock held.
    static func removeLeftovers(of ring: KeyRing) {
        let root = rootFolder(of: ring)
        for folder in [ring.folder, root.hasPrefix("/") ? root : "\(ring.folder)/\(root)"] {
            for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            where name.contains(".pem.") && name.hasSuffix(DurableFiles.temporarySuffix) {
                unlink("\(folder)/\(name)")
            }
        }
    }
}
