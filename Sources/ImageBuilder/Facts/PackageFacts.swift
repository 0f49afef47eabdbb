import Debian
import FileTree
import Foundation
import SBOM
import VariantManifest

/// What a bill of materials and `packages.json` say about packages, of images and of containers alike.
enum PackageFacts {
    /// The packages of an image that bring files, as the inventory names them.
    static func listed(_ packages: [UnpackedPackage], without dropped: [RequestedPackage])
        -> [PackageInventory
        .Package]
    {
        let dropped = Set(dropped.map(\.name))
        return packages.filter { !dropped.contains($0.package.name) }.map { listed($0, prefix: "") }
    }

    /// The packages of an embedded container, which the inventory names `containers/NAME/PACKAGE`.
    ///
    /// Their files are in the layers of the container's image, so none is listed.
    static func listed(_ container: BuiltContainer) -> [PackageInventory.Package] {
        ContainerTree.ofContainer(container.manifest, container.packages).map {
            listed($0, prefix: "containers/\(container.manifest.name)/")
        }
    }

    private static func listed(_ package: UnpackedPackage, prefix: String) -> PackageInventory.Package {
        PackageInventory.Package(
            name: prefix + package.package.name,
            version: package.package.version,
            architecture: package.package.architecture,
            sha256: package.digest
        )
    }

    /// `packages.json` of a tree.
    static func inventory(
        of tree: FileTree,
        packages: [PackageInventory.Package],
        containers: [BuiltContainer] = []
    ) throws -> PackageInventory {
        let names = Set(packages.map(\.name))
        return try PackageInventory(
            packages: packages + containers.flatMap(listed),
            files: tree.map { path, node in file(path, node, packages: names) }
        )
    }

    /// What a bill of materials says about packages of a lock.
    ///
    /// - Parameter unpacked: the packages with their control data and copyright files.
    static func entries(
        _ kind: SBOMPackage.Kind,
        _ list: [LockedPackage],
        unpacked: [UnpackedPackage],
        container: String? = nil
    ) throws -> [SBOMPackage] {
        let copyrights = CopyrightFiles(unpacked)
        let unpacked = Dictionary(unpacked.map { ($0.digest, $0) }, uniquingKeysWith: { first, _ in first })
        return try list.map { locked in
            let control = unpacked[locked.sha256]?.package.control
            return SBOMPackage(
                kind: kind,
                name: locked.name,
                version: locked.version,
                architecture: locked.architecture,
                sourceName: locked.source,
                sourceVersion: locked.sourceVersion,
                archive: locked.archive.rawValue,
                filename: locked.filename,
                sha256: locked.sha256,
                size: UInt64(locked.size),
                maintainer: control?["Maintainer"],
                homepage: control?["Homepage"],
                copyright: kind == .imagePackage ? try copyrights.bytes(of: locked.name) : nil,
                container: container
            )
        }
    }

    private static func file(_ path: String, _ node: Node, packages: Set<String>) -> PackageInventory.File {
        let type: PackageInventory.FileType
        var target: String?
        switch node.kind {
        case .file: type = .regular
        case .directory: type = .directory
        case .symlink(let destination): (type, target) = (.symbolicLink, destination)
        case .hardLink(let destination): (type, target) = (.hardLink, destination)
        case .characterDevice: type = .characterDevice
        case .blockDevice: type = .blockDevice
        case .fifo: type = .fifo
        }
        return PackageInventory.File(
            path: path,
            type: type,
            mode: node.mode,
            uid: node.uid,
            gid: node.gid,
            size: node.content.map { UInt64($0.size) } ?? 0,
            sha256: node.content?.digest,
            target: target,
            package: packages.contains(node.origin) ? node.origin : nil
        )
    }
}

/// The copyright files that packages bring; some share that of another package through a link.
private struct CopyrightFiles {
    private let members: [String: Node]

    init(_ packages: [UnpackedPackage]) {
        var members: [String: Node] = [:]
        for package in packages {
            for member in package.members where member.path.hasPrefix("/usr/share/doc/") {
                members[member.path] = member.node
            }
        }
        self.members = members
    }

    /// The bytes of a package's file; nil if it has none.
    func bytes(of package: String) throws -> [UInt8]? {
        var directory = "/usr/share/doc/\(package)"
        if let target = members[directory]?.symlinkTarget {
            directory = target.hasPrefix("/") ? target : "/usr/share/doc/\(target)"
        }
        var path = "\(directory)/copyright"
        if let target = members[path]?.symlinkTarget {
            path = (target.hasPrefix("/") ? target : "\(directory)/\(target)" as String)
            path = (path as NSString).standardizingPath
        }
        guard let content = members[path]?.content else { return nil }
        return try content.bytes(limit: 16 << 20)
    }
}
