import Foundation
import TUF

extension Repository {
    /// Reads the repository for a change and removes metadata that an interrupted one left.
    ///
    /// - Parameters:
    ///   - acceptingOlder: takes a state that is older than what the key ring published last.
    ///   - removingTargets: also removes files of releases that nothing refers to.
    func open(acceptingOlder: Bool = false, removingTargets: Bool = false) throws(RepositoryError)
        -> RepositoryContents
    {
        let contents = try read(acceptingOlder: acceptingOlder)
        var leftovers = try RepositoryLeftovers.metadata(storage, contents)
        if removingTargets { leftovers += try RepositoryLeftovers.targets(storage, contents) }
        for name in leftovers {
            progress("removing the leftover \(name)")
            try storage.remove(name)
        }
        return contents
    }

    /// Reads the repository as the key ring trusts it, which is more strictly than a host can.
    ///
    /// Trusted are the newest root that the repository is known to have had, and those after it, which a change that
    /// was cut may have signed for already. Keys that a root before these had were replaced, perhaps because somebody
    /// stole them: what they signed is not signed again by the new ones.
    func read(acceptingOlder: Bool = false) throws(RepositoryError) -> RepositoryContents {
        let noted = try PublishedState(reading: keys.folder)
        let contents = try RepositoryContents(reading: storage) { chain throws(RepositoryError) in
            try checkChain(chain)
            let known = Int64(chain.links.count)
            guard acceptingOlder || known >= noted.root else {
                throw .older(repository: storage.name, ring: keys.folder, role: Root.type, known, noted.root)
            }
            let first = Int(clamping: max(known, noted.root))
            let trusted = keys.roots.links.dropFirst(first - 1).map(\.metadata.signed)
            guard !trusted.isEmpty else {
                throw .badKeyRing(
                    path: keys.folder,
                    reason: "it lacks \(RootChain.name(first)), which it published; restore it"
                )
            }
            return trusted
        }
        let version = contents.timestamp.signed.version
        guard acceptingOlder || version >= noted.timestamp else {
            throw .older(
                repository: storage.name,
                ring: keys.folder,
                role: Timestamp.type,
                version,
                noted.timestamp
            )
        }
        return contents
    }

    /// The repository's roots must be the first of the key ring's: else it belongs to another ring.
    private func checkChain(_ roots: RootChain) throws(RepositoryError) {
        for (index, link) in roots.links.enumerated() {
            guard index < keys.roots.links.count, keys.roots.links[index].bytes == link.bytes else {
                throw .otherRoot(version: Int64(index + 1), ring: keys.folder, repository: storage.name)
            }
        }
    }
}

/// Files that no reader can come to: what an interrupted change left.
enum RepositoryLeftovers {
    /// Metadata that are newer than the newest, and files that were being written.
    static func metadata(_ storage: some RepositoryStorage, _ contents: RepositoryContents)
        throws(RepositoryError) -> [String]
    {
        let newest: [String: Int64] = [
            "snapshot.json": contents.snapshot.signed.version,
            "targets.json": contents.targets.signed.version,
            "root.json": Int64(contents.roots.links.count),
        ]
        return try storage.list(RepositoryContents.metadataFolder).filter { name in
            if isTemporary(name) { return true }
            guard let (version, role) = version(of: name), let last = newest[role] else { return false }
            return version > last
        }
    }

    /// The version and the rest of the name of a metadata file: 3 and `targets.json`.
    static func version(of name: String) -> (version: Int64, role: String)? {
        let file = name.dropFirst(RepositoryContents.metadataFolder.count + 1)
        let parts = file.split(separator: ".", maxSplits: 1)
        guard parts.count == 2, let version = Int64(parts[0]) else { return nil }
        return (version, String(parts[1]))
    }

    /// Files of releases that no metadata name, and files that were being written.
    ///
    /// Whatever else is there is somebody else's: targets of delegated roles, a page for people.
    static func targets(_ storage: some RepositoryStorage, _ contents: RepositoryContents)
        throws(RepositoryError) -> [String]
    {
        let wanted = Set(
            contents.targets.signed.targets.map { target, file in
                RepositoryContents.fileName(target: target, sha256: file.hashes["sha256"] ?? "")
            }
        )
        // Where roles are delegated, a file that the top level does not name may be theirs.
        let isOurs = contents.targets.signed.delegations == nil
        return try storage.list(RepositoryContents.targetsFolder).filter { name in
            !wanted.contains(name) && (isTemporary(name) || isOurs && isOfRelease(name))
        }
    }

    /// Whether a part of a path has a name that writing gives: `NAME.UUID.new`, or the folder `scratch.new`.
    static func isTemporary(_ name: String) -> Bool {
        name.split(separator: "/").contains { part in
            if part == "scratch\(DurableFiles.temporarySuffix)" { return true }
            guard part.hasSuffix(DurableFiles.temporarySuffix) else { return false }
            let unique = part.dropLast(DurableFiles.temporarySuffix.count).suffix(37)
            return unique.first == "." && UUID(uuidString: String(unique.dropFirst())) != nil
        }
    }

    /// Whether a name has the form that publishing gives: `targets/VARIANT/ARCH/VERSION/SHA256.NAME`.
    private static func isOfRelease(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 5 else { return false }
        let digest = parts[4].utf8.prefix { $0 != UInt8(ascii: ".") }
        return digest.count == 64 && parts[4].utf8.count > 65
            && digest.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}
