import Bytes
import EROFS
import FAT
import Foundation
import Hashing
import ReleaseManifest
import SBOM
import UpdateBlocks

/// One side of a comparison: an image's facts, and where its root, hash tree and kernel image are.
struct ComparedImage {
    let report: InspectionReport
    private(set) var root: ImagePart?
    private(set) var tree: ImagePart?
    private(set) var rootFacts: RootFacts?
    private(set) var kernel: KernelImageFacts?
    private(set) var kernelSize: UInt64?
    private(set) var kernelParts: [Release.Part]?
    private(set) var inventory: PackageInventory?

    /// Reads what the image says about itself; contents are read only to compare them.
    init(path: String, progress: @escaping @Sendable (String) -> Void) throws(InspectionError) {
        let format = try InputFormat.detect(path)
        let kind: InspectionReport.Kind
        switch format {
        case .folder: kind = .folder
        case .disk: kind = .disk
        case .kernelImage, .rootFileSystem:
            throw .nothingToCompare(
                path: path,
                reason: "it is only a part of an image; give the build folder or the disk image"
            )
        }
        var inspector = Inspector(
            InspectionReport(path: path, kind: kind, isQuick: true),
            progress: progress
        )
        if kind == .folder {
            try inspector.inspectFolder(path)
        } else {
            try inspector.inspectDisk(path, name: Inspection.fileName(path))
        }
        report = inspector.report
        inventory = inspector.inventory
        chooseKernel(inspector)
        chooseRoot(inspector)
    }

    /// The folder's own image, or the one that the disk boots by itself.
    private mutating func chooseKernel(_ inspector: Inspector) {
        let file = inspector.release?.uki.file
        if let image = report.kernelImages.first(where: { $0.path == file })
            ?? report.kernelImages.first(where: { $0.rootHash != nil })
        {
            kernel = image
            kernelSize = image.size
            let path = URL(filePath: report.path).appending(path: image.path).path
            kernelParts = try? KernelParts.table(of: ByteSource(file: path))
        } else if let entry = report.boot?.entries.first, let part = inspector.bootPart {
            kernel = entry
            kernelSize = entry.size
            kernelParts = try? KernelParts.table(of: FATVolume(part.bytes()).contents(entry.path))
        }
    }

    private mutating func chooseRoot(_ inspector: Inspector) {
        let candidates = inspector.rootParts.filter { $0.facts.verification != .empty }
        // A folder's root.erofs comes last, and is what the folder is about.
        let chosen =
            candidates.last { $0.data.name == OutputName.root }
            ?? candidates.first { $0.facts.rootHash != nil && $0.facts.rootHash == kernel?.rootHash }
            ?? candidates.first
        guard let chosen else { return }
        rootFacts = chosen.facts
        let size = chosen.facts.size.map { min($0, chosen.data.size) } ?? chosen.data.size
        root = chosen.data.prefix(size)
        if let stated = chosen.facts.superblock?.treeSize {
            tree = chosen.tree.map { $0.prefix(min(stated, $0.size)) }
        }
    }

    /// The image's name and version.
    var version: String? {
        if let release = report.release { return "\(release.variant) \(release.version)" }
        let fields = rootFacts?.osRelease.isEmpty == false ? rootFacts?.osRelease : kernel?.osRelease
        guard let fields, let version = fields["IMAGE_VERSION"] ?? fields["VERSION_ID"] else { return nil }
        let name = fields["IMAGE_ID"] ?? fields["VARIANT_ID"] ?? fields["ID"]
        return name.map { "\($0) \(version)" } ?? version
    }

    var side: DiffReport.Side {
        DiffReport.Side(
            path: report.path,
            kind: report.kind,
            version: version,
            rootHash: kernel?.rootHash ?? rootFacts?.rootHash,
            kernelRelease: kernel?.kernelRelease,
            commandLine: kernel?.commandLine,
            filesFrom: nil,
            findings: report.findings.filter { $0.severity == .error }
        )
    }

    /// The packages with their versions; nil if the image has no list.
    var packages: [PackageFacts]? { report.packagesFrom == nil ? nil : report.packages }

    // MARK: Files

    /// Every entry of the root by path, and where the list is from; the inventory of a folder, else the root itself.
    func files() -> (records: [String: FileRecord], from: String)? {
        if let inventory, !inventory.files.isEmpty {
            return (FileRecord.records(of: inventory), OutputName.packages)
        }
        guard let root, let records = try? FileRecord.records(of: RootFileSystem(root)) else { return nil }
        return (records, root.name)
    }
}

extension ImagePart {
    /// The first bytes of this part.
    func prefix(_ size: UInt64) -> ImagePart {
        ImagePart(name: name, path: path, offset: offset, size: size)
    }
}

extension FileRecord {
    /// The entries of an inventory; further names of a file have the file's content.
    static func records(of inventory: PackageInventory) -> [String: FileRecord] {
        var records: [String: FileRecord] = [:]
        var links: [PackageInventory.File] = []
        for file in inventory.files where file.path != "/" {
            if file.type == .hardLink {
                links.append(file)
                continue
            }
            records[file.path] = FileRecord(
                kind: Kind(file.type),
                mode: octal(file.mode),
                uid: file.uid,
                gid: file.gid,
                size: file.size,
                sha256: file.sha256?.hex,
                target: file.target,
                package: file.package
            )
        }
        for link in links {
            let target = link.target.map { $0.hasPrefix("/") ? $0 : "/" + $0 }
            guard var record = target.flatMap({ records[$0] }) else { continue }
            record.package = link.package
            records[link.path] = record
        }
        return records
    }

    /// The entries of a root file system with the digests of all files.
    static func records(of root: RootFileSystem, withDigests: Bool = true) throws -> [String: FileRecord] {
        var records: [String: FileRecord] = [:]
        var digests: [UInt64: String] = [:]
        for (path, entry) in try root.image.tree() where path != "/" {
            var record = FileRecord(
                kind: Kind(entry.kind),
                mode: octal(entry.mode),
                uid: entry.uid,
                gid: entry.gid,
                size: entry.kind == .regular ? entry.size : 0
            )
            if entry.kind == .symlink { record.target = try root.image.symlinkTarget(of: entry) }
            if entry.kind == .regular, withDigests {
                // Hard links share an inode.
                let digest = try digests[entry.nid] ?? root.digest(of: entry).hex
                if entry.linkCount > 1 { digests[entry.nid] = digest }
                record.sha256 = digest
            }
            records[path] = record
        }
        return records
    }
}

extension FileRecord.Kind {
    init(_ type: PackageInventory.FileType) {
        switch type {
        case .regular, .hardLink: self = .file
        case .directory: self = .directory
        case .symbolicLink: self = .symlink
        case .characterDevice: self = .characterDevice
        case .blockDevice: self = .blockDevice
        case .fifo: self = .fifo
        }
    }

    init(_ kind: EROFSEntry.Kind) {
        switch kind {
        case .regular: self = .file
        case .directory: self = .directory
        case .symlink: self = .symlink
        case .characterDevice: self = .characterDevice
        case .blockDevice: self = .blockDevice
        case .fifo: self = .fifo
        case .socket: self = .socket
        }
    }
}
