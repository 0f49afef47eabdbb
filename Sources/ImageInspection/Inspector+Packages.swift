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
