public import BlockDevices
public import Zstd

/// Why an update's artefacts could not be made, read or used.
public enum UpdateBlocksError: Error, Equatable, CustomStringConvertible {
    /// An artefact is not what its format says; `field` is the part of it.
    case damaged(artefact: String, field: String, reason: String)
    /// The image is no whole number of blocks, has none, or more than the format can name.
    case imageSize(name: String, size: UInt64)
    /// The image does not have the root hash that the release says.
    case wrongRootHash(name: String, found: String, expected: String)
    /// Bytes that came from a server are not the block that they should be.
    case wrongBlock(block: UInt32, source: String)
    /// Bytes that came from a server do not have the signed digest.
    case wrongDigest(artefact: String, source: String)
    /// A server's answer ended early, or had bytes that nobody asked for.
    case wrongAnswer(file: String, source: String, reason: String)
    /// Blocks are missing, and no source is left that could have them.
    case noSource(block: UInt32, count: Int)
    /// The same block went wrong in every way there is.
    case cannotRepair(blocks: Int)
    /// A block that was written rightly reads back wrong.
    case unreliableDisk(device: String, block: UInt32)
    /// A disk could not be read.
    case device(BlockDeviceError)
    /// Bytes could not be compressed or decompressed.
    case compression(ZstdError)
    /// An artefact could not be written.
    case output(path: String, reason: String)

    /// The server that sent something wrong.
    var source: String? {
        switch self {
        case .wrongBlock(_, let source), .wrongDigest(_, let source), .wrongAnswer(_, let source, _): source
        default: nil
        }
    }

    /// What is wrong, with which value, and what to do.
    public var description: String {
        switch self {
        case .damaged(let artefact, let field, let reason):
            "\(artefact), \(field): \(reason); publish the release again, or fetch from another mirror"
        case .imageSize(let name, let size):
            """
            '\(name)' has \(size) bytes; an image has 1 to \(BlockFormat.maximumBlockCount) whole blocks of \
            \(BlockFormat.blockSize) bytes: build it again
            """
        case .wrongRootHash(let name, let found, let expected):
            "'\(name)' has the root hash \(found) and not \(expected): build or publish the release again"
        case .wrongBlock(let block, let source):
            "\(source) sent wrong bytes for block \(block): repair or remove this mirror"
        case .wrongDigest(let artefact, let source):
            "\(artefact) from \(source) does not have the signed digest: repair or remove this mirror"
        case .wrongAnswer(let file, let source, let reason):
            "\(source) answered wrongly for \(file): \(reason); repair or remove this mirror"
        case .noSource(let block, let count):
            """
            \(count) blocks, the first of them \(block), are on no disk, and no server of the release is known \
            that has them: check the update settings
            """
        case .cannotRepair(let blocks):
            """
            \(blocks) blocks agree with the release's index but not with its root hash, wherever they are fetched \
            from: publish the release again
            """
        case .unreliableDisk(let device, let block):
            "block \(block) of \(device) reads otherwise than it was written: the disk is failing, replace it"
        case .device(let error): error.description
        case .compression(let error): error.description
        case .output(let path, let reason):
            "'\(path)' cannot be written: \(reason); make room, or choose another folder"
        }
    }
}
