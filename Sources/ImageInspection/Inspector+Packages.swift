import Bytes
import SBOM

extension Inspector {
    /// Takes the packages of a `packages.json` file.
    mutating func readInventory(_ path: String) {
        do {
            let source = try ByteSource(file: path)
            guard let bytes = try source.readAll(limit: UInt64(PackageInventory.sizeLimit)) else {
                find(
                    .error,
                    "packages",
                    OutputName.packages,
                    "it has \(source.size) bytes, more than \(PackageInventory.sizeLimit) are not read; build it again"
                )
                return
            }
            let inventory = try PackageInventory(decoding: bytes)
            self.inventory = inventory
            take(inventory, from: OutputName.packages)
        } catch {
            find(.error, "packages", OutputName.packages, "\(error)")
        }
    }

    /// Takes the packages of an inventory, unless there are some already.
    mutating func take(_ inventory: PackageInventory, from place: String) {
        let packages = inventory.packages.map {
            PackageFacts(
                name: $0.name,
                version: $0.version,
                architecture: $0.architecture,
                bytes: inventory.files.isEmpty ? nil : $0.bytes
            )
        }
        guard let first = report.packagesFrom else {
            report.packages = packages
            report.packagesFrom = place
            return
        }
        func identities(_ list: [PackageFacts]) -> [String: String] {
            Dictionary(list.map { ($0.name, $0.version) }) { $1 }
        }
        let (known, other) = (identities(report.packages), identities(packages))
        guard known != other else { return }
        let names = Set(known.keys).union(other.keys).filter { known[$0] != other[$0] }.sorted()
        find(
            .error,
            "packages",
            place,
            "its list of packages is not that of \(first): \(names.prefix(5).joined(separator: ", "))"
                + "\(names.count > 5 ? " and \(names.count - 5) more" : "") differ; build the image again"
        )
    }
}

extension Inspector {
    /// Compares the folder's list of files with the root itself: everything but the bytes of files.
    mutating func compareInventory(with root: RootFileSystem, place: String) {
        guard let inventory, !inventory.files.isEmpty,
            let actual = try? FileRecord.records(of: root, withDigests: false)
        else { return }
        let changes = Difference.files(FileRecord.records(of: inventory), actual)
        for change in changes.prefix(Self.namedFiles) {
            let what =
                switch change.change {
                case .added: "is in the root and not in packages.json"
                case .removed: "is in packages.json and not in the root"
                case .changed:
                    "is not what packages.json says (\(change.aspects.map(\.rawValue).joined(separator: ", ")))"
                }
            find(.error, "packages", place, "\(change.path) \(what); build the image again")
        }
        if changes.count > Self.namedFiles {
            find(
                .error,
                "packages",
                place,
                "\(changes.count - Self.namedFiles) more files are not what packages.json says; "
                    + "build the image again"
            )
        }
    }

    /// Files that get a finding each.
    private static let namedFiles = 10
}
