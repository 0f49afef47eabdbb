import BootEntries
import Bytes
import FAT
import GPT
import Hashing
import UKI

extension Inspector {
    /// Reads the EFI system partition: file system, boot loaders, configuration and boot entries.
    mutating func inspectBoot(_ partitions: [Partition], parts: [Int: ImagePart], name: String) {
        let candidates = partitions.filter { $0.type == .esp }
        guard let partition = candidates.first, let part = parts[partition.number] else {
            find(
                .error,
                "esp",
                name,
                "there is no EFI system partition, so firmware cannot start it; build the image again"
            )
            return
        }
        if candidates.count > 1 {
            find(
                .warning,
                "esp",
                name,
                "there are \(candidates.count) EFI system partitions; only partition \(partition.number) is read"
            )
        }
        let volume: FATVolume
        do {
            volume = try FATVolume(try part.bytes())
        } catch {
            find(.error, "esp", part.name, "\(error); write the image again")
            return
        }
        bootPart = part
        checkFileSystem(volume, part: part)
        report.boot = BootFacts(
            partition: partition.number,
            fileSystem: "fat\(volume.geometry.kind.rawValue)",
            label: (try? volume.label()) ?? nil,
            clusterSize: volume.geometry.clusterSize,
            loaders: loaders(on: volume, part: part),
            loaderConfiguration: loaderConfiguration(on: volume, part: part),
            entries: []
        )
        let entries = bootEntries(on: volume, part: part, partitions: partitions)
        report.boot?.entries = entries
        kernelImages += entries
        judge(entries, part: part)
        checkCopies(on: volume, part: part)
    }

    /// Flags, both copies of the allocation table, and the chains and names of all files.
    private mutating func checkFileSystem(_ volume: FATVolume, part: ImagePart) {
        do {
            if try volume.isDirty() {
                find(
                    .warning,
                    "esp",
                    part.name,
                    "the file system was not unmounted; run fsck.vfat if the next boot does not clear this"
                )
            }
            if try !volume.tablesAgree() {
                find(
                    .error,
                    "esp",
                    part.name,
                    "the copies of the allocation table differ, a write was cut off or the table is damaged; "
                        + "run fsck.vfat or write the image again"
                )
            }
            for (path, entry) in try volume.tree() {
                if !entry.isFolder {
                    do {
                        _ = try volume.contents(of: entry, path: path)
                    } catch {
                        find(.error, "esp", "\(part.name), \(path)", error.description)
                    }
                }
                switch entry.longName {
                case .valid, .none: break
                case .missing, .torn:
                    find(
                        .error,
                        "esp",
                        "\(part.name), \(path)",
                        "the long name is lost, a rename was cut off: the file's boot counter, if it had one, "
                            + "is gone; give it its name again or remove it"
                    )
                }
            }
        } catch {
            find(.error, "esp", part.name, error.description)
        }
    }

    private mutating func loaders(on volume: FATVolume, part: ImagePart) -> [BootFacts.Loader] {
        var loaders: [BootFacts.Loader] = []
        for folder in ["EFI/BOOT", "EFI/systemd"] {
            guard let listing = try? volume.folder(folder) else { continue }
            for file in listing.entries where !file.isFolder && file.name.lowercased().hasSuffix(".efi") {
                let path = "\(folder)/\(file.name)"
                do {
                    let pe = try PEFile(try volume.contents(of: file, path: path))
                    loaders.append(
                        BootFacts.Loader(
                            path: path,
                            name: Self.loaderName(pe),
                            size: UInt64(file.size),
                            isSigned: pe.isSigned
                        )
                    )
                } catch {
                    find(.error, "esp", "\(part.name), \(path)", "\(error)")
                }
            }
        }
        if !loaders.contains(where: { $0.path.lowercased().hasPrefix("efi/boot/boot") }) {
            find(
                .error,
                "esp",
                part.name,
                "there is no usable boot loader in EFI/BOOT (BOOTX64.EFI or BOOTAA64.EFI), so firmware does not "
                    + "start this disk; build the image again"
            )
        }
        return loaders
    }

    /// The name that systemd-boot keeps in a section of its own: `#### LoaderInfo: systemd-boot 257.9 ####`.
    private static func loaderName(_ pe: PEFile) -> String? {
        guard let section = try? pe.contents(of: ".sdmagic"),
            let bytes = try? section.readAll(limit: 4096),
            let text = String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
        else { return nil }
        let words = text.split(whereSeparator: \.isWhitespace).filter { !$0.hasPrefix("#") }
        return words.drop { $0.hasSuffix(":") }.joined(separator: " ")
    }

    private mutating func loaderConfiguration(on volume: FATVolume, part: ImagePart) -> [String]? {
        let path = "loader/loader.conf"
        do {
            guard let bytes = try volume.contents(path).readAll(limit: 65_536) else {
                find(.error, "esp", "\(part.name), \(path)", "it is larger than 64 KiB; it is damaged")
                return nil
            }
            let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
                .filter { !$0.hasPrefix("#") && !$0.allSatisfy(\.isWhitespace) }
                .map { $0.split(whereSeparator: \.isWhitespace).joined(separator: " ") }
            for line in lines where line.hasPrefix("default ") || line == "default" {
                find(
                    .error,
                    "esp",
                    "\(part.name), \(path)",
                    "the line '\(line.prefix(120))' makes systemd-boot start that entry even when it has no tries "
                        + "left; remove the line"
                )
            }
            return lines
        } catch FATError.notFound {
            return nil
        } catch {
            find(.error, "esp", "\(part.name), \(path)", "\(error)")
            return nil
        }
    }

    // MARK: Boot entries

    /// The images in `EFI/Linux` in the order of the menu, with the slot each of them starts.
    private mutating func bootEntries(
        on volume: FATVolume,
        part: ImagePart,
        partitions: [Partition]
    ) -> [KernelImageFacts] {
        let folder = "EFI/Linux"
        let files: [FATEntry]
        do {
            files = try volume.folder(folder).entries
        } catch FATError.notFound {
            files = []
        } catch {
            find(.error, "esp", "\(part.name), \(folder)", error.description)
            return []
        }
        var images: [(entry: BootEntry, facts: KernelImageFacts)] = []
        for file in files where !file.isFolder {
            let path = "\(folder)/\(file.name)"
            guard let entryName = BootEntryName(fileName: file.name) else {
                find(
                    .warning,
                    "boot-entry",
                    "\(part.name), \(path)",
                    "systemd-boot does not list a file of this name; remove it"
                )
                continue
            }
            var facts = KernelImageFacts(path: path, size: UInt64(file.size))
            var entry = BootEntry(name: entryName, sortKey: nil, version: nil)
            switch entryName.state {
            case .good: facts.state = .good
            case .indeterminate: facts.state = .onTrial
            case .bad: facts.state = .failed
            }
            facts.triesLeft = entryName.counter?.left
            facts.triesDone = entryName.counter?.done
            do {
                let uki = try UnifiedKernelImage(try volume.contents(of: file, path: path))
                facts.take(uki)
                entry = BootEntry(
                    name: entryName,
                    sortKey: uki.osRelease?.bootSortKey,
                    version: uki.osRelease?.bootVersion
                )
                findSlot(of: &facts, partitions: partitions, place: "\(part.name), \(path)")
            } catch {
                find(.error, "boot-entry", "\(part.name), \(path)", "\(error)")
            }
            images.append((entry, facts))
        }
        let order = BootEntry.menuOrder(images.map(\.entry)).map(\.name.fileName)
        return order.compactMap { name in images.first { $0.entry.name.fileName == name }?.facts }
    }

    /// Finds the partitions whose PARTUUIDs are the halves of an image's root hash.
    private mutating func findSlot(
        of facts: inout KernelImageFacts,
        partitions: [Partition],
        place: String
    ) {
        guard let text = facts.rootHash, let hash = SHA256Digest(hex: text) else {
            find(
                .error,
                "boot-entry",
                place,
                "its command line has no usable roothash= (64 hexadecimal digits), so it finds no root; "
                    + "build the image again"
            )
            return
        }
        let (rootID, treeID) = Self.partitionIDs(of: hash)
        facts.rootPartition = partitions.first { $0.guid == rootID }?.number
        facts.treePartition = partitions.first { $0.guid == treeID }?.number
        let missing = [
            facts.rootPartition == nil ? "\(rootID.map(\.description) ?? "") (root)" : nil,
            facts.treePartition == nil ? "\(treeID.map(\.description) ?? "") (hash tree)" : nil,
        ].compactMap { $0 }
        if !missing.isEmpty {
            find(
                .error,
                "boot-entry",
                place,
                "no partition has the PARTUUID \(missing.joined(separator: " or ")) that follows from its root "
                    + "hash \(text), so it cannot boot; write the slot that belongs to it, or remove the entry"
            )
        }
    }

    /// The PARTUUIDs of a slot: the two halves of the root hash (Discoverable Partitions Specification).
    static func partitionIDs(of hash: SHA256Digest) -> (root: GUID?, tree: GUID?) {
        (GUID(uuidBytes: hash.bytes.prefix(16)), GUID(uuidBytes: hash.bytes.suffix(16)))
    }

    private mutating func judge(_ entries: [KernelImageFacts], part: ImagePart) {
        if entries.isEmpty {
            find(
                .error,
                "boot-entry",
                part.name,
                "there is no unified kernel image in EFI/Linux, so there is nothing to boot; build the image again"
            )
        } else if !entries.contains(where: { $0.state == .good }) {
            find(
                .warning,
                "boot-entry",
                part.name,
                "every entry has a counter, so there is none to go back to when the tries are used up; "
                    + "the known-good entry must have none"
            )
        }
        for entry in entries where entry.state == .failed {
            find(
                .warning,
                "boot-entry",
                "\(part.name), \(entry.path)",
                "this version failed its trial (\(entry.triesDone ?? 0) tries made, none left); see its journal, "
                    + "then remove the entry"
            )
        }
    }

    /// Compares the plain copies that are kept while an update is on trial with their entries.
    private mutating func checkCopies(on volume: FATVolume, part: ImagePart) {
        guard let copies = try? volume.folder("EFI/bulkhead").entries,
            let entries = try? volume.folder("EFI/Linux").entries
        else { return }
        for copy in copies where !copy.isFolder {
            guard let name = BootEntryName(fileName: copy.name)?.name else { continue }
            for entry in entries where BootEntryName(fileName: entry.name)?.name == name {
                guard let one = try? volume.contents(of: copy), let other = try? volume.contents(of: entry),
                    let first = try? SHA256Digest(hashing: one),
                    let second = try? SHA256Digest(hashing: other),
                    first != second
                else { continue }
                find(
                    .error,
                    "boot-entry",
                    "\(part.name), EFI/Linux/\(entry.name)",
                    "its content differs from its copy EFI/bulkhead/\(copy.name); one of them is damaged: "
                        + "stage the update again"
                )
            }
        }
    }
}

extension KernelImageFacts {
    init(path: String, size: UInt64) {
        self.path = path
        self.size = size
        state = nil
    }

    /// Takes what the image says about itself.
    mutating func take(_ uki: UnifiedKernelImage) {
        machine =
            switch uki.pe.machine {
            case .amd64: "amd64"
            case .arm64: "arm64"
            case .other(let number): "0x" + String(number, radix: 16)
            }
        isSigned = uki.pe.isSigned
        osRelease = uki.osRelease?.fields ?? [:]
        kernelRelease = uki.kernelRelease
        commandLine = uki.commandLine
        rootHash = uki.commandLine.flatMap(Self.rootHash(in:))
    }

    /// The value of `roothash=`, of which the kernel's users take the last.
    static func rootHash(in commandLine: String) -> String? {
        commandLine.split(whereSeparator: \.isWhitespace).last { $0.hasPrefix("roothash=") }
            .map { String($0.dropFirst("roothash=".count)) }
    }
}
