import BlockDevices
import BootEntries
import Bytes
import FAT
import Hashing

extension BootSlots {
    // MARK: Stage

    func stageCopy(_ image: StagedImage, contents: ByteSource) throws(BootSlotsError) {
        let path = try copyPath(variant: image.variant, version: image.version)
        guard image.size <= Self.maximumUKISize else {
            throw .tooLarge(size: image.size, limit: Self.maximumUKISize)
        }
        try check(contents, is: image, path: path)
        let writer = try begin()
        try requireGoodEntry { _ in true }
        if try isStaged(image, at: path) { return }
        for old in try staged() { try change { () throws(FATError) in try writer.remove(old.path) } }
        try makeStageFolder(writer)
        // The entry needs the same again, and both folders may have to grow.
        let needed = 2 * writer.allocation(for: image.size) + 4 * writer.allocation(for: 1)
        let free = try change { () throws(FATError) in try writer.freeBytes() }
        guard needed <= free else { throw .noSpace(needed: needed, free: free) }
        try change { () throws(FATError) in try writer.create(path, contents: contents) }
        let found = try digest(of: path)
        guard found == image.sha256 else {
            try change { () throws(FATError) in try writer.remove(path) }
            throw .digestMismatch(path: path, expected: image.sha256, found: found)
        }
    }

    private func check(_ contents: ByteSource, is image: StagedImage, path: String) throws(BootSlotsError) {
        let found = try change { () throws(FATError) in try Self.digest(of: contents) }
        guard contents.size == image.size, found == image.sha256 else {
            throw .digestMismatch(path: path, expected: image.sha256, found: found)
        }
        let facts = ImageFacts.read(contents).facts
        guard facts?.rootHash == image.rootHash else {
            throw .wrongImage(path: path, expected: image.rootHash, found: facts?.rootHash)
        }
    }

    private func isStaged(_ image: StagedImage, at path: String) throws(BootSlotsError) -> Bool {
        guard let copy = try staged().first(where: { $0.path == path }), copy.size == image.size else {
            return false
        }
        // A copy that cannot be read is made again.
        return (try? digest(of: path)) == image.sha256
    }

    private func makeStageFolder(_ writer: FATWriter) throws(BootSlotsError) {
        do {
            try writer.makeFolder(Self.stageFolder)
        } catch .exists {
            return
        } catch {
            throw .fileSystem(error)
        }
    }

    func removeCopy(variant: String, version: String) throws(BootSlotsError) {
        let path = try copyPath(variant: variant, version: version)
        let writer = try begin()
        guard try staged().contains(where: { $0.path == path }) else { return }
        try change { () throws(FATError) in try writer.remove(path) }
    }

    // MARK: Entries

    func createEntry(_ image: StagedImage, installed: Set<SHA256Digest>, tries: Int) throws(BootSlotsError) {
        let name = try Self.name(variant: image.variant, version: image.version, tries: tries)
        guard installed.contains(image.rootHash) else {
            throw .notInstalled(name: name.name, rootHash: image.rootHash)
        }
        let writer = try begin()
        let existing = try entries().filter { $0.name?.name == name.name && !$0.hasLostItsName }
        guard existing.allSatisfy(\.isCounted) else { throw .notOnTrial(name: name.name) }
        // The same version may have been built again, with another root.
        if let same = existing.first(where: { $0.size == image.size && $0.image?.rootHash == image.rootHash })
        {
            if case .bad? = same.name?.state { throw .hasFailed(path: same.path) }
            return
        }
        try requireGoodEntry { $0.image?.rootHash != image.rootHash }
        let copy = try copyPath(variant: image.variant, version: image.version)
        guard let staged = try staged().first(where: { $0.path == copy }) else {
            throw .notStaged(name: name.name)
        }
        let contents = try change { () throws(FATError) in
            try FATVolume(device.mediumSource).contents(copy)
        }
        try check(contents, is: image, path: staged.path)
        for old in existing { try change { () throws(FATError) in try writer.remove(old.path) } }
        // The loader renames the entry at every try, and a firmware never uses a freed slot again: there is room for
        // all renamings in the entry's own sector, if a sector is large enough, else in the folder as it is.
        let slots = Self.slotCount(of: name)
        let spare = slots * tries
        let unused = try change { () throws(FATError) in try writer.unusedSlots(in: Self.entryFolder) }
        if unused < slots + spare {
            do {
                try writer.compact(Self.entryFolder)
            } catch .folderHeld {
                // The folder grows instead.
            } catch {
                throw .fileSystem(error)
            }
        }
        let path = "\(Self.entryFolder)/\(name.fileName)"
        do {
            try writer.create(path, contents: contents, spareSlots: spare)
        } catch .full(let needed, let free) {
            throw .noSpace(needed: needed, free: free)
        } catch {
            throw .fileSystem(error)
        }
    }

    func removeTrial(variant: String, version: String) throws(BootSlotsError) {
        let name = try Self.name(variant: variant, version: version, tries: nil)
        let writer = try begin()
        let same = try entries().filter { entry in
            entry.hasLostItsName
                ? entry.image?.variant == variant && entry.image?.version == version
                : entry.name?.name == name.name
        }
        guard !same.isEmpty else { return }
        guard !same.contains(where: \.isGood) else { throw .notOnTrial(name: name.name) }
        try requireGoodEntry { _ in true }
        for entry in same { try change { () throws(FATError) in try writer.remove(entry.path) } }
    }

    func commit(_ boot: RunningBoot) throws(BootSlotsError) {
        guard let path = boot.bootCountPath.map({ $0.replacing("\\", with: "/") }) else { throw .notCounted }
        let parts = path.split(separator: "/").map(String.init)
        guard let fileName = parts.last, let name = BootEntryName(fileName: fileName), name.counter != nil,
            parts.dropLast().joined(separator: "/").lowercased() == Self.entryFolder.lowercased()
        else { throw .noSuchEntry(path: path) }
        let writer = try begin()
        let entries = try entries()
        let counted = entries.first { $0.name == name && !$0.hasLostItsName }
        let committed = entries.first { $0.fileName == name.committedFileName && !$0.hasLostItsName }
        guard let entry = counted ?? committed else { throw .noSuchEntry(path: path) }
        guard let image = entry.image, image.rootHash == boot.rootHash else {
            throw .notTheRunningSystem(path: entry.path, running: boot.rootHash)
        }
        if let counted, let committed, committed.isGood, committed.image == image {
            try change { () throws(FATError) in try writer.remove(counted.path) }
        } else if let counted {
            try change { () throws(FATError) in try writer.rename(counted.path, to: name.committedFileName) }
        }
        if let (variant, version) = name.variantAndVersion {
            try removeCopy(variant: variant, version: version)
        }
    }

    func remove(_ fileName: String, running rootHash: SHA256Digest) throws(BootSlotsError) {
        let path = "\(Self.entryFolder)/\(fileName)"
        let writer = try begin()
        guard let entry = try entries().first(where: { $0.fileName.lowercased() == fileName.lowercased() })
        else {
            throw .noSuchEntry(path: path)
        }
        guard entry.image?.rootHash != rootHash else { throw .isRunning(path: path) }
        try requireGoodEntry { $0.path != entry.path }
        try change { () throws(FATError) in try writer.remove(entry.path) }
    }

    func removeRunning(_ rootHash: SHA256Digest) throws(BootSlotsError) {
        let writer = try begin()
        try requireGoodEntry { $0.image?.rootHash != rootHash }
        for entry in try entries() where entry.image?.rootHash == rootHash {
            try change { () throws(FATError) in try writer.remove(entry.path) }
        }
    }

    // MARK: Common

    /// Repairs what an earlier attempt may have left, so that every change starts from a sound file system, and from
    /// what is on the medium: it begins with a flush.
    func begin() throws(BootSlotsError) -> FATWriter {
        try change { () throws(FATError) in
            _ = try FATCheck.repair(device)
            return try FATWriter(device)
        }
    }

    /// Makes sure that a good entry of the wanted kind is there.
    func requireGoodEntry(where isWanted: (EntryState) -> Bool) throws(BootSlotsError) {
        guard try entries().contains(where: { $0.isGood && isWanted($0) }) else { throw .noGoodEntry }
    }

    func change<T>(_ body: () throws(FATError) -> T) throws(BootSlotsError) -> T {
        do {
            return try body()
        } catch {
            throw .fileSystem(error)
        }
    }

    static func name(variant: String, version: String, tries: Int?) throws(BootSlotsError) -> BootEntryName {
        do {
            return try BootEntryName(variant: variant, version: version, tries: tries)
        } catch {
            throw .name(error)
        }
    }

    func copyPath(variant: String, version: String) throws(BootSlotsError) -> String {
        "\(Self.stageFolder)/\(try Self.name(variant: variant, version: version, tries: nil).fileName)"
    }

    /// The slots of a directory that the entry's name takes after any try: 13 characters each, and the entry.
    private static func slotCount(of name: BootEntryName) -> Int {
        (max(name.fileName.utf16.count, name.fileNameAfterTry.utf16.count) + 12) / 13 + 1
    }
}
