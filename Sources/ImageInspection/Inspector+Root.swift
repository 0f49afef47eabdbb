import Bytes
import EROFS
import Hashing
import ReleaseManifest
import SBOM
import UKI
import Verity

extension Inspector {
    /// Checks a root file system against its root hash and reads what it says of itself.
    mutating func inspectRoot(data: ImagePart, tree: ImagePart?, facts: RootFacts) {
        var facts = facts
        let fileSystem = openRoot(data)
        if let tree { verify(data: data, tree: tree, fileSystem: fileSystem, facts: &facts) }
        if let fileSystem { read(fileSystem, data: data, facts: &facts) }
        rootParts.append((facts, data, tree))
        report.roots.append(facts)
    }

    private mutating func openRoot(_ data: ImagePart) -> RootFileSystem? {
        do {
            return try RootFileSystem(data)
        } catch {
            find(.error, "root", data.name, "\(error)")
            return nil
        }
    }

    // MARK: Files

    /// Reads os-release and the list of packages, and walks the tree once.
    private mutating func read(_ root: RootFileSystem, data: ImagePart, facts: inout RootFacts) {
        if facts.size == nil { facts.size = root.image.superblock.size }
        do {
            facts.entryCount = try root.image.tree().count
        } catch {
            find(.error, "root", data.name, "its tree of files cannot be read: \(error)")
        }
        do {
            if let release = try root.osRelease() {
                facts.osRelease = release.fields
            } else {
                find(.warning, "root", data.name, "it has no os-release; build the image again")
            }
        } catch {
            find(.error, "root", "\(data.name), os-release", "\(error)")
        }
        compareIdentity(facts)
        readPackages(in: root, data: data, facts: facts)
        // What is wrong in a damaged root has been said.
        if data.name == OutputName.root, facts.verification != .damaged {
            compareInventory(with: root, place: data.name)
        }
    }

    /// The kernel image and the root that it starts must be of one version.
    private mutating func compareIdentity(_ facts: RootFacts) {
        let images = kernelImages + report.kernelImages
        guard !facts.osRelease.isEmpty, let hash = facts.rootHash,
            let image = images.first(where: { $0.rootHash == hash && !$0.osRelease.isEmpty })
        else { return }
        for key in ["ID", "VERSION_ID", "VARIANT_ID", "IMAGE_ID", "IMAGE_VERSION"]
        where image.osRelease[key] != facts.osRelease[key] {
            find(
                .warning,
                "root",
                facts.data,
                "its os-release has \(key)=\(facts.osRelease[key] ?? "nothing"), but '\(image.path)' that starts it "
                    + "has \(image.osRelease[key] ?? "nothing"); build the image again"
            )
        }
    }

    private mutating func readPackages(in root: RootFileSystem, data: ImagePart, facts: RootFacts) {
        let bootable = report.boot?.entries.first { $0.rootPartition != nil && $0.treePartition != nil }
        // Of a disk with two versions, the packages are those of the one that is started.
        if let started = release?.root.hash.hex ?? bootable?.rootHash {
            guard started == facts.rootHash else { return }
        } else if report.packagesFrom != nil {
            return
        }
        let path = RootFileSystem.inventoryPath
        do {
            guard let bytes = try root.contents(path, limit: PackageInventory.sizeLimit) else {
                find(.note, "packages", data.name, "it has no \(path), so its packages are not known from it")
                return
            }
            take(try PackageInventory(decoding: bytes), from: "\(data.name), \(path)")
        } catch {
            find(.error, "packages", "\(data.name), \(path)", "\(error)")
        }
    }

    // MARK: Hash tree

    private mutating func verify(
        data: ImagePart,
        tree: ImagePart,
        fileSystem: RootFileSystem?,
        facts: inout RootFacts
    ) {
        let stored = (try? tree.bytes().read(at: 0, count: VeritySuperblock.byteCount)) ?? []
        var parameters: VerityParameters?
        do throws(VerityError) {
            let read = try VeritySuperblock.parse(stored)
            parameters = read
            facts.superblock = SuperblockFacts(read)
            facts.size = VerityLayout(read).dataByteCount
        } catch {
            facts.verification = .impossible
            find(.error, "verity", "\(tree.name), byte \(tree.offset)", error.description)
        }
        // What release.json says is better than what may be damaged.
        if facts.rootHash == release?.root.hash.hex, let trusted = trustedParameters(stored: stored) {
            if let read = parameters, read != trusted {
                find(
                    .error,
                    "verity",
                    "\(tree.name), byte \(tree.offset)",
                    "the superblock says salt \(Hex.encode(read.salt)) and \(read.dataBlockCount) blocks, but "
                        + "release.json says \(Hex.encode(trusted.salt)) and \(trusted.dataBlockCount); "
                        + "write the image again"
                )
            }
            parameters = trusted
        }
        guard let parameters else { return }
        guard let text = facts.rootHash, let rootHash = SHA256Digest(hex: text) else {
            facts.verification = .impossible
            find(
                .error,
                "verity",
                data.name,
                "there is no root hash to check the content against; restore the boot entry"
            )
            return
        }
        if report.isQuick {
            facts.verification = .notChecked
            return
        }
        progress("checking the hash tree of \(facts.name)")
        do {
            func check(_ hash: SHA256Digest) throws(VerityError) -> VerityReport {
                try VerityVerification.verify(
                    data: data.veritySource(),
                    tree: tree.veritySource(),
                    rootHash: hash,
                    parameters: parameters
                )
            }
            var result = try check(rootHash)
            // Where PARTUUIDs or a command line are damaged, the content may still be what another part says.
            if !result.dataIsIntact, let image = kernelImage(ofRootHash: result.computedRootHash) {
                facts.rootHash = image.rootHash
                facts.rootHashFrom = image.path
                result = try check(result.computedRootHash)
            }
            facts.computedRootHash = result.computedRootHash.hex
            // A superblock that differs has its finding already.
            let isIntact =
                result.dataIsIntact && result.corruptDataBlockCount == 0 && result.corruptTreeBlockCount == 0
            facts.verification = isIntact && !result.superblockIsCorrupt ? .intact : .damaged
            if !isIntact { describe(result, data: data, tree: tree, fileSystem: fileSystem, facts: &facts) }
        } catch {
            facts.verification = .impossible
            find(.error, "verity", data.name, error.description)
        }
    }

    private func kernelImage(ofRootHash hash: SHA256Digest) -> KernelImageFacts? {
        (kernelImages + report.kernelImages).first { $0.rootHash == hash.hex }
    }

    /// Salt and block count of `release.json`; the identifier is not in it and is taken as it is.
    private func trustedParameters(stored: [UInt8]) -> VerityParameters? {
        guard let root = release?.root else { return nil }
        let uuid = stored.bounded(at: 16, count: 16).map(Array.init) ?? [UInt8](repeating: 0, count: 16)
        return try? VerityParameters(salt: root.salt.bytes, uuid: uuid, dataBlockCount: root.dataBlocks)
    }

    /// Names the damage: blocks, bytes in the image, files.
    private mutating func describe(
        _ result: VerityReport,
        data: ImagePart,
        tree: ImagePart,
        fileSystem: RootFileSystem?,
        facts: inout RootFacts
    ) {
        let blockSize = UInt64(VerityFormat.blockSize)
        // With another salt or root hash nothing fits, and a list of all blocks would say nothing.
        if result.corruptDataBlockCount == result.parameters.dataBlockCount, result.corruptDataBlockCount > 1
        {
            facts.damage = DamageFacts(
                dataBlockCount: result.corruptDataBlockCount,
                dataBlocks: [],
                treeBlockCount: result.corruptTreeBlockCount,
                treeBlocks: []
            )
            find(
                .error,
                "verity",
                data.name,
                "nothing in it fits the root hash \(facts.rootHash ?? ""): its content has "
                    + "\(result.computedRootHash). This is another version's root, or the salt in the hash tree's "
                    + "superblock is damaged; write the image again"
            )
            return
        }
        let blocks = result.corruptDataBlocks.map { $0 / blockSize }
        let owners = blocks.isEmpty ? [:] : fileSystem?.owners(of: Set(blocks)) ?? [:]
        let damage = DamageFacts(
            dataBlockCount: result.corruptDataBlockCount,
            dataBlocks: blocks.map {
                DamageFacts.DataBlock(
                    block: $0,
                    byteOffset: data.offset + $0 * blockSize,
                    files: owners[$0]?.files ?? [],
                    inodes: owners[$0]?.inodes ?? []
                )
            },
            treeBlockCount: result.corruptTreeBlockCount,
            treeBlocks: result.corruptTreeBlocks.map {
                DamageFacts.TreeBlock(level: $0.level, byteOffset: tree.offset + $0.byteOffset)
            }
        )
        facts.damage = damage
        for block in damage.dataBlocks.prefix(Self.namedBlocks) {
            find(
                .error,
                "verity",
                data.name,
                "block \(block.block), at byte \(block.byteOffset) of '\(data.path)', is not what the root hash "
                    + "says: \(Self.owners(block)); the kernel refuses to read it. Write the image again"
            )
        }
        for block in damage.treeBlocks.prefix(Self.namedBlocks) {
            find(
                .error,
                "verity",
                tree.name,
                "the hash tree's block of level \(block.level) at byte \(block.byteOffset) of '\(tree.path)' is not "
                    + "what the root hash says; the kernel refuses to read what lies below it. Write the image again"
            )
        }
        let more =
            Int(clamping: damage.dataBlockCount) - min(damage.dataBlocks.count, Self.namedBlocks)
            + Int(clamping: damage.treeBlockCount) - min(damage.treeBlocks.count, Self.namedBlocks)
        if more > 0 {
            find(
                .error,
                "verity",
                data.name,
                "\(more) more blocks are damaged, \(damage.dataBlockCount) of the data and "
                    + "\(damage.treeBlockCount) of the hash tree in all; write the image again"
            )
        }
    }

    /// Damaged blocks that get a finding each.
    private static let namedBlocks = 16

    private static func owners(_ block: DamageFacts.DataBlock) -> String {
        func list(_ files: [String]) -> String {
            files.prefix(4).joined(separator: ", ") + (files.count > 4 ? " and \(files.count - 4) more" : "")
        }
        // Small files lie behind their inodes.
        if !block.files.isEmpty, block.files == block.inodes {
            return "it has the inodes and bytes of \(list(block.files))"
        }
        let parts = [
            block.files.isEmpty ? nil : "it belongs to \(list(block.files))",
            block.inodes.isEmpty ? nil : "it has the inodes of \(list(block.inodes))",
        ].compactMap { $0 }
        return parts.isEmpty
            ? "no readable file has bytes in it" : parts.joined(separator: ", and ")
    }
}

extension SuperblockFacts {
    init(_ parameters: VerityParameters) {
        algorithm = "sha256"
        salt = Hex.encode(parameters.salt)
        let digits = Hex.encode(parameters.uuid)
        var parts: [Substring] = []
        var rest = digits[...]
        for length in [8, 4, 4, 4, 12] {
            parts.append(rest.prefix(length))
            rest = rest.dropFirst(length)
        }
        uuid = parts.joined(separator: "-")
        blockSize = VerityFormat.blockSize
        dataBlocks = parameters.dataBlockCount
        treeSize = VerityLayout(parameters).byteCount
    }
}
