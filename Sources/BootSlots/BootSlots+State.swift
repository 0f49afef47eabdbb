import BlockDevices
import BootEntries
public import Bytes
import FAT
public import Hashing
import UKI

extension BootSlots {
    /// The files of `EFI/Linux`, in the folder's order.
    ///
    /// - Throws: `BootSlotsError.fileSystem`.
    public func entries() throws(BootSlotsError) -> [EntryState] { try files(in: Self.entryFolder) }

    /// The files of `EFI/bulkhead`, in the folder's order.
    ///
    /// - Throws: `BootSlotsError.fileSystem`.
    public func staged() throws(BootSlotsError) -> [EntryState] { try files(in: Self.stageFolder) }

    /// The bytes of every kernel image that is there, as the medium holds them: entries, then staged copies.
    ///
    /// - Throws: `BootSlotsError.fileSystem`.
    public func kernelImages() throws(BootSlotsError) -> [ByteSource] {
        let files = (try entries() + staged()).filter { $0.image != nil && $0.size <= Self.maximumUKISize }
        return try change { () throws(FATError) in
            let volume = try FATVolume(device.mediumSource)
            var images: [ByteSource] = []
            for file in files { images.append(try volume.contents(file.path)) }
            return images
        }
    }

    /// The digest of a file, from what the medium holds.
    ///
    /// - Throws: `BootSlotsError.fileSystem`.
    public func digest(of path: String) throws(BootSlotsError) -> SHA256Digest {
        do {
            let contents = try FATVolume(device.mediumSource).contents(path)
            return try Self.digest(of: contents)
        } catch {
            throw .fileSystem(error)
        }
    }

    static func digest(of contents: ByteSource) throws(FATError) -> SHA256Digest {
        var hasher = SHA256Hasher()
        var offset: UInt64 = 0
        while offset < contents.size {
            let count = Int(min(1 << 20, contents.size - offset))
            do {
                hasher.update(try contents.read(at: offset, count: count))
            } catch {
                throw .unreadable(error)
            }
            offset += UInt64(count)
        }
        return hasher.finish()
    }

    private func files(in folder: String) throws(BootSlotsError) -> [EntryState] {
        do {
            let volume = try FATVolume(device.mediumSource)
            let content: FATFolder
            do {
                content = try volume.folder(folder)
            } catch .notFound {
                return []
            }
            return content.entries.filter { !$0.isFolder }.map { entry in
                let contents = try? volume.contents(of: entry)
                let image = contents.map { ImageFacts.read($0) } ?? (facts: nil, isReadable: false)
                return EntryState(
                    path: "\(folder)/\(entry.name)",
                    fileName: entry.name,
                    name: BootEntryName(fileName: entry.name),
                    longName: entry.longName,
                    size: UInt64(entry.size),
                    image: image.facts,
                    isReadable: image.isReadable
                )
            }
        } catch {
            throw .fileSystem(error)
        }
    }
}

extension ImageFacts {
    /// Reads them from a file: nothing if it is no UKI, or names no root hash; and whether its bytes could be read.
    static func read(_ contents: ByteSource) -> (facts: ImageFacts?, isReadable: Bool) {
        do throws(UKIError) {
            return (ImageFacts(try UnifiedKernelImage(contents)), true)
        } catch {
            if case .unreadable(.failed) = error { return (nil, false) }
            return (nil, true)
        }
    }

    private init?(_ image: UnifiedKernelImage) {
        guard let line = image.commandLine else { return nil }
        let key = "roothash="
        let value = line.split(whereSeparator: \.isWhitespace).last { $0.hasPrefix(key) }?.dropFirst(
            key.count
        )
        guard let value, let hash = SHA256Digest(hex: value) else { return nil }
        variant = image.osRelease?.imageID
        version = image.osRelease?.imageVersion
        rootHash = hash
    }
}
