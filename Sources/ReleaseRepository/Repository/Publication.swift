import Hashing
import Rollout
import TUF

/// What a publication did.
public struct Publication: Sendable, Equatable {
    /// The names of the releases that are new.
    public var added: [String] = []
    /// Files of releases that were there already, which were lost or damaged and are right again.
    public var restored: [String] = []
    /// Files of such releases that are lost or damaged still: their builds do not give them back as they were signed.
    public var lost: [String] = []
    /// Whether there are new metadata.
    public var hasNewMetadata = false

    /// Whether anything was written.
    public var isChanged: Bool { hasNewMetadata || !restored.isEmpty }
}

extension Repository {
    /// Puts back what is lost of the builds' releases that are published already, the oldest first: packs are made from
    /// earlier ones.
    ///
    /// What is put back was signed before, so that nobody has to wait for other changes.
    func putBack(_ folders: [ReleaseFolder], in targets: Targets, packs: Int)
        async throws(RepositoryError) -> (restored: [String], lost: [String])
    {
        var restored: [String] = []
        var stillLost: [String] = []
        let oldestFirst = folders.sorted { $0.candidate.version < $1.candidate.version }
        for (number, folder) in oldestFirst.enumerated()
        where targets.target(folder.candidate.targetName) != nil {
            let release = folder.name
            let lost = try lostFiles(of: release, in: targets)
            try checkSame(folder, as: release, in: targets, lost)
            guard !lost.isEmpty else { continue }
            let found = try await madeAgain(
                lost,
                of: release,
                from: folder,
                in: targets,
                scratch: storage.makeScratch("lost-\(number)"),
                packs: packs
            )
            try put(found)
            let names = found.map(\.source.name)
            restored += names.map { "\(release)/\($0)" }
            stillLost += lost.filter { !names.contains($0) }.map { "\(release)/\($0)" }
        }
        return (restored, stillLost)
    }

    /// The files of a release that are gone, or are not what was signed: their names in the release.
    func lostFiles(of release: String, in targets: Targets) throws(RepositoryError) -> [String] {
        var lost: [String] = []
        for (target, file) in targets.targets where target.hasPrefix("\(release)/") {
            let stored = try storage.digest(
                RepositoryContents.fileName(target: target, sha256: file.hashes["sha256"] ?? "")
            )
            guard stored?.length == file.length, stored?.sha256.hex == file.hashes["sha256"] else {
                lost.append(String(target.dropFirst(release.count + 1)))
                continue
            }
        }
        return lost.sorted()
    }

    /// Finds lost files of a release in its build, or makes them of it again.
    ///
    /// - Parameters:
    ///   - scratch: an empty folder.
    ///   - packs: from how many of the releases before it packs are made, as when it was published.
    /// - Returns: those that come out as they were signed.
    func madeAgain(
        _ lost: [String],
        of release: String,
        from folder: ReleaseFolder,
        in targets: Targets,
        scratch: String,
        packs: Int
    ) async throws(RepositoryError) -> [NewFile] {
        var known = folder.files
        if lost.contains(where: { name in !known.dropFirst().contains { $0.name == name } }) {
            let maker = TransportMaker(scratch: scratch, progress: progress)
            known = try await maker.make(
                folder,
                from: earlier(than: folder.candidate, in: targets, count: packs)
            )
            .files
        }
        return lost.compactMap { name in
            guard let signed = targets.target("\(release)/\(name)"),
                let file = known.first(where: { $0.name == name }), file.length == signed.length,
                file.sha256.hex == signed.hashes["sha256"]
            else { return nil }
            return NewFile(
                source: file,
                name: RepositoryContents.fileName(target: "\(release)/\(name)", sha256: file.sha256.hex)
            )
        }
    }
}
