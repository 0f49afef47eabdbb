import Presentation

/// How a difference is printed.
public struct DiffTextOptions: Sendable {
    /// The most lines of each list; nil for all.
    public var limit: Int?
    /// Whether files are listed one by one, and not only counted.
    public var listsFiles: Bool
    /// Whether the second version is newer than the first; nil where that cannot be said.
    public var isNewer: @Sendable (_ old: String, _ new: String) -> Bool?

    /// Options; by default 40 lines a list and no arrows at versions.
    public init(
        limit: Int? = 40,
        listsFiles: Bool = true,
        isNewer: @escaping @Sendable (_ old: String, _ new: String) -> Bool? = { _, _ in nil }
    ) {
        self.limit = limit
        self.listsFiles = listsFiles
        self.isNewer = isNewer
    }
}

extension DiffReport {
    /// The difference as lines of text for people.
    public func text(_ options: DiffTextOptions = DiffTextOptions()) -> [String] {
        var lines = sideLines()
        lines += packageLines(options)
        lines += fileLines(options)
        lines += packageSizeLines(options)
        lines += kernelLines()
        lines += sizeLines()
        lines += updateLines()
        return lines.map(HumanText.safe)
    }

    private func sideLines() -> [String] {
        var table = TextTable(alignments: [.left, .left, .left, .left])
        for (name, side) in [("old", old), ("new", new)] {
            table.add(
                name,
                side.path,
                side.version ?? "unknown version",
                "root hash \(side.rootHash ?? "unknown")"
            )
        }
        var lines = table.lines(indent: 0)
        for (name, side) in [("old", old), ("new", new)] {
            lines += side.findings.map { "\(name) image: \($0)" }
        }
        return lines
    }

    private func packageLines(_ options: DiffTextOptions) -> [String] {
        guard let packages else {
            return ["", "Packages: not compared, one of the images has no packages.json"]
        }
        var table = TextTable(alignments: [.left, .left, .left, .left, .left])
        let shown = packages.prefix(options.limit ?? packages.count)
        for package in shown {
            switch package.change {
            case .added: table.add("+", package.name, "", "", package.newVersion ?? "")
            case .removed: table.add("-", package.name, package.oldVersion ?? "", "", "")
            case .changed:
                let old = package.oldVersion ?? ""
                let new = package.newVersion ?? ""
                // Words and not only arrows: a downgrade must not be overlooked.
                let note = options.isNewer(old, new) == false ? " (OLDER)" : ""
                let mark = options.isNewer(old, new).map { $0 ? "↑" : "↓" } ?? "~"
                table.add(mark, package.name, old, "->", new + note)
            }
        }
        return ["", "Packages: \(Self.counts(packages.map(\.change)))"] + table.lines()
            + Self.rest(shown.count, of: packages.count)
    }

    private func fileLines(_ options: DiffTextOptions) -> [String] {
        guard let files else { return ["", "Files: not compared, those of one image could not be read"] }
        var lines = ["", "Files: \(Self.counts(files.map(\.change)))"]
        guard options.listsFiles else { return lines }
        var table = TextTable(alignments: [.left, .left, .right, .left])
        let shown = files.prefix(options.limit ?? files.count)
        for file in shown {
            switch file.change {
            case .added: table.add("+", file.path, Self.size(file.new), Self.kindNote(file.new))
            case .removed: table.add("-", file.path, Self.size(file.old), Self.kindNote(file.old))
            case .changed: table.add("~", file.path, Self.size(file.new), Self.changes(file))
            }
        }
        lines += table.lines()
        return lines + Self.rest(shown.count, of: files.count)
    }

    private static func size(_ record: FileRecord?) -> String {
        guard let record, record.kind == .file else { return "" }
        return HumanText.size(record.size)
    }

    private static func kindNote(_ record: FileRecord?) -> String {
        guard let record, record.kind != .file else { return "" }
        return record.target.map { "-> \($0)" } ?? record.kind.rawValue
    }

    private static func changes(_ file: FileChange) -> String {
        guard let old = file.old, let new = file.new else { return "" }
        return file.aspects.map { aspect in
            switch aspect {
            case .type: "type \(old.kind.rawValue) -> \(new.kind.rawValue)"
            case .content:
                old.size == new.size ? "content" : "content (\(HumanText.change(old.size, new.size)))"
            case .mode: "mode \(old.mode) -> \(new.mode)"
            case .owner: "owner \(old.uid):\(old.gid) -> \(new.uid):\(new.gid)"
            case .target: "target \(old.target ?? "none") -> \(new.target ?? "none")"
            }
        }.joined(separator: ", ")
    }

    private func packageSizeLines(_ options: DiffTextOptions) -> [String] {
        guard let packageSizes else {
            return ["", "Size by package: not known, it takes the packages.json of two build folders"]
        }
        var table = TextTable([("Package", .left), ("Old", .right), ("New", .right), ("Change", .right)])
        let shown = packageSizes.prefix(options.limit ?? packageSizes.count)
        for size in shown { Self.add(size, to: &table) }
        let totals = packageSizes.reduce((UInt64(0), UInt64(0))) { sum, size in
            (sum.0 &+ (size.old ?? 0), sum.1 &+ (size.new ?? 0))
        }
        var lines = [
            "", "Size by package: \(HumanText.change(totals.0, totals.1)) in all, before compression",
        ]
        if !shown.isEmpty { lines += table.lines() }
        return lines + Self.rest(shown.count, of: packageSizes.count)
    }

    private static func add(_ size: SizeChange, to table: inout TextTable) {
        table.add(
            size.name,
            size.old.map(HumanText.size) ?? "-",
            size.new.map(HumanText.size) ?? "-",
            HumanText.change(size.old ?? 0, size.new ?? 0)
        )
    }

    private func kernelLines() -> [String] {
        var lines = ["", "Kernel"]
        let releases = [old.kernelRelease ?? "unknown", new.kernelRelease ?? "unknown"]
        lines.append(
            "  release       \(releases[0] == releases[1] ? releases[0] : releases.joined(separator: " -> "))"
        )
        if commandLineRemoved.isEmpty, commandLineAdded.isEmpty {
            lines.append("  command line  the same but for the root hash")
        }
        for word in commandLineRemoved { lines.append("  command line  - \(word)") }
        for word in commandLineAdded { lines.append("  command line  + \(word)") }
        return lines
    }

    private func sizeLines() -> [String] {
        var table = TextTable([("Image", .left), ("Old", .right), ("New", .right), ("Change", .right)])
        for size in sizes { Self.add(size, to: &table) }
        return ["", "Sizes"] + table.lines()
    }

    private func updateLines() -> [String] {
        guard let update else { return ["", "Update: not known, a root could not be read"] }
        var table = TextTable(alignments: [.left, .right, .right, .left])
        func row(_ name: String, _ bytes: UInt64, _ note: String) {
            table.add(name, HumanText.size(bytes), "\(HumanText.grouped(bytes)) bytes", note)
        }
        row(
            "root blocks",
            update.rootBytes,
            "\(HumanText.grouped(update.fetchedBlocks)) of \(HumanText.grouped(update.newBlocks)) blocks"
                + "\(Self.percent(update.fetchedBlocks, of: update.newBlocks)) are nowhere in the old root; "
                + "\(HumanText.grouped(update.changedBlocks)) differ at their place"
        )
        row("block index", update.indexBytes, "8 bytes for every block")
        row(
            "unified kernel image",
            update.kernelImageBytes,
            update.kernelImageBytes == 0 ? "the same" : "parts that are not in the old one"
        )
        row(
            "download",
            update.downloadBytes,
            "before compression\(Self.percent(update.downloadBytes, of: update.fullBytes)) of a full install"
        )
        row("full install", update.fullBytes, "root and unified kernel image")
        row(
            "(hash tree)",
            update.treeBytes,
            "\(HumanText.grouped(update.changedTreeBlocks)) of \(HumanText.grouped(update.newTreeBlocks)) blocks "
                + "change; computed on the host, not downloaded"
        )
        return ["", "Update from old to new"] + table.lines()
    }

    // MARK: Words

    private static func percent(_ part: UInt64, of whole: UInt64) -> String {
        guard whole > 0 else { return "" }
        let percent = Double(part) / Double(whole) * 100
        let text = part > 0 && percent < 0.05 ? "< 0.1" : HumanText.fixed(percent, digits: 1)
        return " (\(text) %)"
    }

    private static func counts(_ changes: [Change]) -> String {
        if changes.isEmpty { return "the same" }
        return [Change.added, .removed, .changed].map { change in
            "\(changes.count { $0 == change }) \(change.rawValue)"
        }.joined(separator: ", ")
    }

    private static func rest(_ shown: Int, of count: Int) -> [String] {
        shown < count
            ? ["  ... and \(HumanText.grouped(UInt64(count - shown))) more (--limit 0 lists all)"] : []
    }
}
