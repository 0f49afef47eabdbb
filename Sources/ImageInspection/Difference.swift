import SBOM

/// Compares two images.
public enum Difference {
    /// The name under which the files of no package are counted.
    public static let noPackage = "(no package)"

    /// Compares two build folders, disk images or one of each.
    ///
    /// Of a disk with two slots, the one is taken that the boot loader would start.
    /// - Parameters:
    ///   - old: The older image.
    ///   - new: The newer image.
    ///   - progress: Is told what begins now, from any thread.
    /// - Throws: `InspectionError` if a path is no image. What is wrong inside is in the report.
    public static func run(
        old: String,
        new: String,
        progress: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(InspectionError) -> DiffReport {
        progress("reading \(old)")
        let before = try ComparedImage(path: old, progress: progress)
        progress("reading \(new)")
        let after = try ComparedImage(path: new, progress: progress)
        var report = DiffReport(
            old: before.side,
            new: after.side,
            packages: packages(before.packages, after.packages),
            files: nil,
            packageSizes: nil,
            commandLineRemoved: words(before, not: after),
            commandLineAdded: words(after, not: before),
            sizes: [
                .init(name: "root.erofs", old: before.root?.size, new: after.root?.size),
                .init(name: "hash tree", old: before.tree?.size, new: after.tree?.size),
                .init(name: "unified kernel image", old: before.kernelSize, new: after.kernelSize),
            ],
            update: nil
        )
        progress("comparing files")
        if let left = before.files(), let right = after.files() {
            report.old.filesFrom = left.from
            report.new.filesFrom = right.from
            report.files = files(left.records, right.records)
            if [left.from, right.from].allSatisfy({ $0 == OutputName.packages }) {
                report.packageSizes = sizes(left.records, right.records)
            }
        }
        progress("comparing blocks")
        if before.root != nil, after.root != nil { report.update = try UpdatePlan(old: before, new: after) }
        return report
    }

    static func packages(_ old: [PackageFacts]?, _ new: [PackageFacts]?) -> [DiffReport.PackageChange]? {
        guard let old, let new else { return nil }
        let before = Dictionary(old.map { ($0.name, $0.version) }) { $1 }
        let after = Dictionary(new.map { ($0.name, $0.version) }) { $1 }
        return Set(before.keys).union(after.keys).sorted().compactMap { name in
            let (left, right) = (before[name], after[name])
            guard left != right else { return nil }
            return DiffReport.PackageChange(
                name: name,
                change: left == nil ? .added : right == nil ? .removed : .changed,
                oldVersion: left,
                newVersion: right
            )
        }
    }

    static func files(_ old: [String: FileRecord], _ new: [String: FileRecord]) -> [DiffReport.FileChange] {
        let paths = Set(old.keys).union(new.keys).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        return paths.compactMap { path in
            let (left, right) = (old[path], new[path])
            var aspects: [DiffReport.Aspect] = []
            if let left, let right {
                aspects = right.differences(from: left)
                if aspects.isEmpty { return nil }
            }
            return DiffReport.FileChange(
                path: path,
                change: left == nil ? .added : right == nil ? .removed : .changed,
                aspects: aspects,
                old: left,
                new: right
            )
        }
    }

    static func sizes(_ old: [String: FileRecord], _ new: [String: FileRecord]) -> [DiffReport.SizeChange] {
        func sums(_ records: [String: FileRecord]) -> [String: UInt64] {
            var sums: [String: UInt64] = [:]
            for record in records.values {
                sums[record.package ?? noPackage, default: 0] &+= record.size
            }
            return sums
        }
        let (before, after) = (sums(old), sums(new))
        return Set(before.keys).union(after.keys)
            .filter { before[$0] != after[$0] }
            .map { DiffReport.SizeChange(name: $0, old: before[$0], new: after[$0]) }
            .sorted { left, right in
                let (one, other) = (left.magnitude, right.magnitude)
                return one != other ? one > other : left.name < right.name
            }
    }

    /// Words of a command line that another has not, however often; the root hash is always another.
    private static func words(_ image: ComparedImage, not other: ComparedImage) -> [String] {
        func words(_ image: ComparedImage) -> [String] {
            (image.kernel?.commandLine ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
                .filter { !$0.hasPrefix("roothash=") }
        }
        let known = Set(words(other))
        return words(image).filter { !known.contains($0) }
    }
}

extension DiffReport.SizeChange {
    /// By how many bytes the size changed.
    var magnitude: UInt64 {
        let (old, new) = (old ?? 0, new ?? 0)
        return old > new ? old - new : new - old
    }
}
