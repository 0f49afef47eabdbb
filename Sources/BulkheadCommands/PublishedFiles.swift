import BlockDevices
import Synchronization
import UpdateBlocks

/// The published files of a release in a local folder, and how much of them was asked for.
final class PublishedFiles: Sendable {
    let folder: String
    private let count = Mutex(0)

    init(folder: String) { self.folder = folder }

    /// How many parts were asked for.
    var parts: Int { count.withLock { $0 } }

    func add(parts: Int) { count.withLock { $0 += parts } }
}

/// One of them, as a server would serve it.
struct PublishedFile: RemoteFile {
    let files: PublishedFiles
    let name: String

    /// Bytes handed over at a time, as they come from a network.
    private static let pieceBytes: UInt64 = 256 << 10

    func read(_ ranges: [Range<UInt64>], _ body: (RemotePiece) async throws -> Void) async throws {
        files.add(parts: ranges.count)
        let file = try FileBlockDevice(path: "\(files.folder)/\(name)", access: .readOnly)
        for range in ranges {
            var offset = range.lowerBound
            while offset < range.upperBound {
                let end = min(offset + Self.pieceBytes, range.upperBound)
                let bytes = try file.read(at: offset, count: Int(end - offset))
                try await body(RemotePiece(offset: offset, bytes: bytes, source: name))
                offset = end
            }
        }
    }
}
