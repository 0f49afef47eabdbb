import Bytes
import Foundation
import Hashing
import ReleaseManifest

extension Inspector {
    /// Reads `release.json`; nil with a finding if it cannot be used.
    mutating func readRelease(_ path: String, exists: Bool) -> Release? {
        // That it is missing is said with the other missing files.
        guard exists else { return nil }
        do {
            let source = try ByteSource(file: path)
            let bytes = try source.read(at: 0, count: Int(min(source.size, UInt64(Release.sizeLimit) + 1)))
            let release = try Release(decoding: bytes)
            report.release = ReleaseFacts(
                variant: release.variant,
                architecture: release.architecture,
                version: release.version,
                rootHash: release.root.hash.hex,
                sourceDateEpoch: release.sourceDateEpoch,
                toolVersion: release.toolVersion,
                lockChanged: release.lock.changed,
                updateRoot: release.updateRoot?.hex
            )
            return release
        } catch {
            find(.error, "release", OutputName.release, "\(error)")
            return nil
        }
    }

    /// Compares what `release.json` says with the files of the folder.
    mutating func compare(_ release: Release, folder: URL) {
        if release.lock.changed {
            find(
                .warning,
                "release",
                OutputName.release,
                "it was built from a changed lock (\(release.lock.differences.count) packages are not what the "
                    + "repository's lock says); run 'bulkhead lock' and build again"
            )
        }
        if release.hostPrograms == false {
            find(
                .warning,
                "release",
                OutputName.release,
                "the image has none of Bulkhead's own programs, so that no boot of it is ever found healthy; build "
                    + "it on a machine of its architecture, without --without-programs"
            )
        }
        compareFile(OutputName.root, key: "root", release.root.size, release.root.sha256.hex)
        compareFile(OutputName.tree, key: "root tree", release.root.treeSize, release.root.treeSha256.hex)
        compareFile(release.uki.file, key: "uki", release.uki.size, release.uki.sha256.hex)
        compareFile(OutputName.disk, key: "disk", release.disk.size, release.disk.sha256.hex)
        for (format, image) in release.images.sorted(by: { $0.key < $1.key })
        where image.file != OutputName.disk {
            compareFile(image.file, key: "images.\(format)", image.size, image.sha256.hex)
        }
        guard let image = report.kernelImages.first(where: { $0.path == release.uki.file }) else { return }
        // An unreadable image has its finding.
        guard image.machine != nil else { return }
        compareValue("uki.commandLine", release.commandLine, image.commandLine, in: image.path)
        compareValue("uki.kernelVersion", release.kernelVersion, image.kernelRelease, in: image.path)
        compareValue("root.hash", release.root.hash.hex, image.rootHash, in: image.path)
        compareValue("architecture", release.architecture, image.machine, in: image.path)
        if let version = image.osRelease["IMAGE_VERSION"] {
            compareValue("version", release.version, version, in: image.path)
        }
    }

    private mutating func compareFile(_ name: String, key: String, _ size: UInt64, _ sha256: String) {
        // A file that is not there has its finding.
        guard let file = report.files.first(where: { $0.name == name }), let actual = file.size else {
            return
        }
        if actual != size {
            find(
                .error,
                "release",
                name,
                "it has \(actual) bytes, but release.json (\(key)) says \(size); copy or build it again"
            )
        } else if let digest = file.sha256, digest != sha256, file.status != .differs {
            // One that SHA256SUMS does not agree with either has its finding.
            find(
                .error,
                "release",
                name,
                "its SHA-256 is \(digest), but release.json (\(key)) says \(sha256); copy or build it again"
            )
        }
    }

    private mutating func compareValue(_ key: String, _ stated: String, _ actual: String?, in place: String) {
        guard stated != actual else { return }
        find(
            .error,
            "release",
            place,
            "release.json (\(key)) says '\(stated)', but it has '\(actual ?? "nothing")'; build the image again"
        )
    }

    /// Compares the disk's table with that of `release.json`.
    mutating func comparePartitions(_ release: Release) {
        guard let disk = report.disk else { return }
        if UInt64(disk.sectorSize) != release.sectorSize {
            find(
                .error,
                "release",
                disk.file,
                "its sectors have \(disk.sectorSize) bytes, but release.json says \(release.sectorSize); "
                    + "build the image again"
            )
        }
        if disk.partitions.count != release.disk.partitions.count {
            find(
                .error,
                "release",
                disk.file,
                "it has \(disk.partitions.count) partitions, but release.json says "
                    + "\(release.disk.partitions.count); build the image again"
            )
        }
        for (actual, stated) in zip(disk.partitions, release.disk.partitions) {
            let place = "\(disk.file), partition \(actual.number)"
            compareValue("label", stated.label, actual.label, in: place)
            compareValue("uuid", stated.uuid, actual.uuid, in: place)
            compareValue("size", "\(stated.size)", "\(actual.size)", in: place)
            // Types have names here and identifiers there.
            let type = PartitionTypeName.name(ofIdentifier: stated.type)
            compareValue("type", type, actual.type, in: place)
        }
    }
}
