import Presentation

extension InspectionReport {
    /// The report as lines of text for people; findings come last, the worst at the end.
    ///
    /// - Parameter packageLimit: The most packages that are listed; nil lists all.
    public func text(packageLimit: Int? = 40) -> [String] {
        var lines = headLines()
        if !files.isEmpty { lines += fileLines() }
        if let disk { lines += diskLines(disk) }
        if let boot { lines += bootLines(boot) }
        if !kernelImages.isEmpty {
            lines += kernelLines(kernelImages.count == 1 ? "Kernel image" : "Kernel images", kernelImages)
        }
        for root in roots { lines += rootLines(root) }
        if packagesFrom != nil { lines += packageLines(limit: packageLimit) }
        lines += findingLines()
        return lines.map(HumanText.safe)
    }

    private func headLines() -> [String] {
        let what =
            switch kind {
            case .disk: "disk image"
            case .folder: "build folder"
            case .kernelImage: "unified kernel image"
            case .rootFileSystem: "root file system"
            }
        var lines = ["\(path): \(what)"]
        if let release {
            lines.append(
                "  \(release.variant) \(release.version) for \(release.architecture), built by bulkhead "
                    + "\(release.toolVersion)\(release.lockChanged ? " from a changed lock" : "")"
            )
            lines.append(
                "  updates: "
                    + (release.updateRoot.map {
                        "trusted by the root metadata with the SHA-256 \($0.prefix(16))"
                    }
                        ?? "none, as it has no root metadata to trust releases by")
            )
        }
        return lines
    }

    private func fileLines() -> [String] {
        var table = TextTable([
            ("Name", .left), ("Size", .right), ("Bytes", .right), ("SHA-256", .left), ("Sum", .left),
        ])
        for file in files {
            let status =
                switch file.status {
                case .matches: "ok"
                case .differs: "DIFFERS"
                case .missing: "MISSING"
                case .notListed: "not listed"
                case .notChecked: "not checked"
                }
            table.add(
                file.name,
                file.size.map(HumanText.size) ?? "-",
                file.size.map(HumanText.grouped) ?? "-",
                file.sha256.map { String($0.prefix(16)) } ?? "-",
                status
            )
        }
        return ["", "Files"] + table.lines()
    }

    private func diskLines(_ disk: DiskFacts) -> [String] {
        var table = TextTable([
            ("#", .right), ("Type", .left), ("Label", .left), ("PARTUUID", .left), ("Offset", .right),
            ("Size", .right), ("Bytes", .right),
        ])
        for partition in disk.partitions {
            table.add(
                "\(partition.number)",
                partition.type,
                partition.label,
                partition.uuid,
                HumanText.grouped(partition.offset),
                HumanText.size(partition.size),
                HumanText.grouped(partition.size)
            )
        }
        let copy = disk.tableCopy == "primary" ? "" : ", read from the BACKUP of the table"
        return [
            "",
            "Disk \(disk.file): \(HumanText.exactSize(disk.size)), sectors of \(disk.sectorSize) bytes, "
                + "identifier \(disk.guid)\(copy)",
        ] + table.lines()
    }

    private func bootLines(_ boot: BootFacts) -> [String] {
        var lines = [
            "",
            "EFI system partition: partition \(boot.partition), \(boot.fileSystem)"
                + "\(boot.label.map { " '\($0)'" } ?? ""), clusters of \(HumanText.size(UInt64(boot.clusterSize)))",
        ]
        var table = TextTable(alignments: [.left, .left, .right, .left])
        for loader in boot.loaders {
            table.add(
                loader.path,
                loader.name ?? "unknown program",
                HumanText.size(loader.size),
                loader.isSigned ? "signed" : "not signed"
            )
        }
        lines += table.lines()
        if let configuration = boot.loaderConfiguration {
            lines.append("  loader/loader.conf: \(configuration.joined(separator: "; "))")
        } else {
            lines.append("  loader/loader.conf: none")
        }
        return lines + kernelLines("Boot entries, in the order of the menu", boot.entries)
    }

    private func kernelLines(_ title: String, _ images: [KernelImageFacts]) -> [String] {
        var lines = ["", title]
        if images.isEmpty { lines.append("  none") }
        for image in images {
            lines.append("  \(image.path)")
            if image.state == nil, let entry = boot?.entries.first(where: { $0.saysTheSame(as: image) }) {
                lines.append(
                    "    \(HumanText.exactSize(image.size)), says the same as the boot entry \(entry.path)"
                )
                continue
            }
            var table = TextTable(alignments: [.left, .left])
            switch image.state {
            case .good: table.add("state", "good (no counter)")
            case .onTrial:
                table.add("state", "on trial: \(image.triesLeft ?? 0) left, \(image.triesDone ?? 0) made")
            case .failed: table.add("state", "FAILED: none left, \(image.triesDone ?? 0) made")
            case nil: break
            }
            table.add("size", HumanText.exactSize(image.size))
            table.add("system", Self.systemName(image.osRelease))
            table.add(
                "kernel",
                "\(image.kernelRelease ?? "unknown") (\(image.machine ?? "unknown processor"))"
            )
            table.add("signed", image.isSigned ? "yes" : "no")
            table.add("command line", image.commandLine ?? "none")
            table.add("root hash", image.rootHash ?? "none")
            if image.state != nil {
                let numbers = [image.rootPartition, image.treePartition].compactMap { $0.map(String.init) }
                table.add(
                    "slot",
                    numbers.count == 2
                        ? "partitions \(numbers.joined(separator: " and "))" : "NOT FOUND on this disk"
                )
            }
            lines += table.lines(indent: 4)
        }
        return lines
    }

    private func rootLines(_ root: RootFacts) -> [String] {
        var lines = ["", "Root in \(root.name)\(root.name == root.data ? "" : " (\(root.data))")"]
        if root.verification == .empty { return lines + ["  empty"] }
        var table = TextTable(alignments: [.left, .left])
        // A folder's root is read twice, on the disk and as a file; its facts are shown once.
        if let other = roots.first(where: { $0.saysTheSame(as: root) }), other.name != root.name {
            table.add("", "says the same as the root in \(other.name)")
            table.add("verified", Self.verdict(root))
            return lines + table.lines()
        }
        table.add("system", Self.systemName(root.osRelease))
        if let size = root.size { table.add("size", HumanText.exactSize(size)) }
        if let count = root.entryCount {
            table.add("files", "\(HumanText.grouped(UInt64(count))) with folders")
        }
        if let hash = root.rootHash {
            table.add("root hash", "\(hash) (from \(root.rootHashFrom ?? "nowhere"))")
        }
        if let block = root.superblock {
            table.add("hash tree", "\(root.tree ?? "none"), \(HumanText.exactSize(block.treeSize))")
            table.add("", "\(block.algorithm), blocks of \(block.blockSize), \(block.dataBlocks) of data")
            table.add("", "salt \(block.salt.isEmpty ? "none" : block.salt)")
            table.add("", "UUID \(block.uuid)")
        } else {
            table.add("hash tree", root.tree.map { "\($0), unreadable" } ?? "none")
        }
        table.add("verified", Self.verdict(root))
        lines += table.lines()
        return lines
    }

    private static func verdict(_ root: RootFacts) -> String {
        switch root.verification {
        case .intact: return "yes, every block"
        case .damaged:
            guard let damage = root.damage else { return "DAMAGED: see below" }
            return
                "DAMAGED: \(HumanText.count(Int(clamping: damage.dataBlockCount), "block")) of data, "
                + "\(HumanText.count(Int(clamping: damage.treeBlockCount), "block")) of the hash tree"
        case .notChecked: return "not checked"
        case .impossible: return "NOT POSSIBLE: see below"
        case .empty: return "empty"
        }
    }

    private static func systemName(_ fields: [String: String]) -> String {
        guard !fields.isEmpty else { return "unknown" }
        let name = fields["PRETTY_NAME"] ?? fields["NAME"] ?? fields["ID"] ?? "unknown"
        let details = ["ID", "VERSION_ID", "VARIANT_ID", "IMAGE_ID", "IMAGE_VERSION"].compactMap { key in
            fields[key].map { "\(key)=\($0)" }
        }
        return details.isEmpty ? name : "\(name) (\(details.joined(separator: " ")))"
    }

    private func packageLines(limit: Int?) -> [String] {
        var table = TextTable([("Name", .left), ("Version", .left), ("Arch", .left), ("Size", .right)])
        let shown = packages.prefix(limit ?? packages.count)
        for package in shown {
            table.add(
                package.name,
                package.version,
                package.architecture,
                package.bytes.map(HumanText.size) ?? "-"
            )
        }
        var lines = ["", "Packages: \(packages.count), from \(packagesFrom ?? "nowhere")"] + table.lines()
        if shown.count < packages.count {
            lines.append("  ... and \(packages.count - shown.count) more (--packages lists all)")
        }
        return lines
    }

    private func findingLines() -> [String] {
        guard !findings.isEmpty else {
            return [
                "",
                isQuick ? "Nothing wrong found; contents were not checked (--quick)" : "Nothing wrong found",
            ]
        }
        let counts = Finding.Severity.allCases.reversed().compactMap { severity -> String? in
            let count = findings.count { $0.severity == severity }
            return count == 0 ? nil : HumanText.count(count, severity.rawValue)
        }
        return ["", "Findings: \(counts.joined(separator: ", "))"]
            + Finding.Severity.allCases.flatMap { severity in
                findings.filter { $0.severity == severity }.map { "  \($0)" }
            }
    }
}

extension KernelImageFacts {
    /// Whether two images cannot be told apart by their facts.
    fileprivate func saysTheSame(as other: KernelImageFacts) -> Bool {
        machine != nil && machine == other.machine && size == other.size && osRelease == other.osRelease
            && kernelRelease == other.kernelRelease && commandLine == other.commandLine
            && isSigned == other.isSigned
    }
}

extension RootFacts {
    /// Whether two roots cannot be told apart by what they say of themselves.
    fileprivate func saysTheSame(as other: RootFacts) -> Bool {
        rootHash != nil && rootHash == other.rootHash && superblock != nil && superblock == other.superblock
            && osRelease == other.osRelease && entryCount == other.entryCount
    }
}
