import Bytes
import Foundation
import Hashing
import ReleaseManifest
import UKI

/// The names of the files that a build writes.
enum OutputName {
    static let disk = "disk.raw"
    static let root = "root.erofs"
    static let tree = "root.verity"
    static let release = "release.json"
    static let packages = "packages.json"
    static let checksums = "SHA256SUMS"
    static let bill = "sbom.spdx.json"
    static let report = "report.html"

    static let required = [disk, root, tree, release, packages, bill, report]
}

extension Inspector {
    /// Checks a build folder: every file against `SHA256SUMS`, `release.json` against the files, then what is inside.
    mutating func inspectFolder(_ path: String) throws(InspectionError) {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        } catch {
            throw .unreadable(path: path, reason: "the folder cannot be listed")
        }
        guard names.contains(where: { [OutputName.disk, OutputName.root, OutputName.release].contains($0) })
        else { throw .notABuildFolder(path: path) }
        let folder = URL(filePath: path)
        func file(_ name: String) -> String { folder.appending(path: name).path }

        inspectFiles(folder, names: names)
        release = readRelease(file(OutputName.release), exists: names.contains(OutputName.release))
        inspectKernelFiles(folder, names: names)
        if let release { compare(release, folder: folder) }
        if names.contains(OutputName.packages) { readInventory(file(OutputName.packages)) }
        if names.contains(OutputName.disk) {
            try inspectDisk(file(OutputName.disk), name: OutputName.disk)
            if let release { comparePartitions(release) }
            compareKernelImages(folder)
        }
        if names.contains(OutputName.root) { inspectRootFiles(folder, names: names) }
    }

    // MARK: Kernel image and root files

    private mutating func inspectKernelFiles(_ folder: URL, names: [String]) {
        let images = names.filter { $0.lowercased().hasSuffix(".efi") }
        if images.isEmpty {
            find(.error, "release", report.path, "there is no unified kernel image (.efi); build it again")
        }
        for name in images {
            let facts = kernelImageFacts(folder.appending(path: name).path, name: name)
            report.kernelImages.append(facts)
        }
    }

    private mutating func kernelImageFacts(_ path: String, name: String) -> KernelImageFacts {
        var facts = KernelImageFacts(path: name, size: 0)
        do {
            let source = try ByteSource(file: path)
            facts.size = source.size
            facts.take(try UnifiedKernelImage(source))
            if facts.rootHash.flatMap({ SHA256Digest(hex: $0) }) == nil {
                find(
                    .error,
                    "boot-entry",
                    name,
                    "its command line has no usable roothash= (64 hexadecimal digits), so it finds no root; "
                        + "build the image again"
                )
            }
        } catch {
            find(.error, "boot-entry", name, "\(error)")
        }
        return facts
    }

    /// Checks `root.erofs` with `root.verity` as a slot is checked.
    private mutating func inspectRootFiles(_ folder: URL, names: [String]) {
        do {
            let data = try ImagePart.file(folder.appending(path: OutputName.root).path, name: OutputName.root)
            var tree: ImagePart?
            if names.contains(OutputName.tree) {
                tree = try .file(folder.appending(path: OutputName.tree).path, name: OutputName.tree)
            }
            var facts = RootFacts(
                name: OutputName.root,
                data: OutputName.root,
                tree: tree?.name,
                verification: .notChecked
            )
            if let release {
                facts.rootHash = release.root.hash.hex
                facts.rootHashFrom = OutputName.release
            } else if let image = report.kernelImages.first(where: { $0.rootHash != nil }) {
                facts.rootHash = image.rootHash
                facts.rootHashFrom = image.path
            }
            inspectRoot(data: data, tree: tree, facts: facts)
        } catch {
            find(.error, "root", OutputName.root, "\(error)")
        }
    }

    /// Compares the image on the EFI system partition with the file of the folder.
    private mutating func compareKernelImages(_ folder: URL) {
        guard let boot = report.boot,
            let file = release.map(\.uki.file)
                ?? report.kernelImages.first(where: { $0.rootHash != nil })?.path,
            let image = report.kernelImages.first(where: { $0.path == file })
        else { return }
        let stem = file.dropLast(".efi".count)
        guard
            let entry = boot.entries.first(where: {
                let name = $0.path.split(separator: "/").last ?? ""
                return name == file || name.hasPrefix(stem + "+")
            })
        else {
            find(
                .error,
                "boot-entry",
                "\(OutputName.disk), EFI/Linux",
                "the disk has no boot entry for '\(file)'; build the image again"
            )
            return
        }
        guard let disk = report.disk?.partitions.first(where: { $0.number == boot.partition }) else { return }
        let difference: KernelImageDifference?
        do {
            difference = try KernelImageDifference.between(
                folder.appending(path: file).path,
                and: entry.path,
                on: ImagePart(
                    name: OutputName.disk,
                    path: folder.appending(path: OutputName.disk).path,
                    offset: disk.offset,
                    size: disk.size
                )
            )
        } catch {
            // Both files have their own findings if they cannot be read.
            return
        }
        guard let difference else { return }
        find(
            .error,
            "boot-entry",
            "\(OutputName.disk), \(entry.path)",
            "it is not the same as '\(file)' (\(image.size) bytes): \(difference); "
                + "SHA256SUMS says which of the files is damaged. Build the image again"
        )
    }

    // MARK: Single files

    /// Reads a unified kernel image that is a file of its own.
    mutating func inspectKernelImage(_ path: String) throws(InspectionError) {
        report.kernelImages = [kernelImageFacts(path, name: Inspection.fileName(path))]
    }

    /// Reads a root file system; the hash tree and the root hash are taken from beside it if they are there.
    mutating func inspectRootFile(_ path: String) throws(InspectionError) {
        let data: ImagePart
        do {
            data = try .file(path, name: Inspection.fileName(path))
        } catch {
            throw .unreadable(path: path, reason: error.description)
        }
        let facts = RootFacts(name: data.name, data: data.name, tree: nil, verification: .notChecked)
        find(
            .note,
            "verity",
            data.name,
            "a root file system alone has no hash tree to check it with; inspect the build folder or the disk image"
        )
        inspectRoot(data: data, tree: nil, facts: facts)
    }
}
