internal import HTTPFetch
public import NIOCore
internal import OCI
internal import Synchronization

/// An image as a tar archive in the OCI's layout, made while it is read: `oci-layout`, `index.json` with one manifest,
/// and `blobs/sha256/`.
///
/// It is never whole in memory: the source waits for whoever reads. Where a server turns out to have sent a wrong layer,
/// the archive goes on with the same layer from another server under the same name; readers take the last one, as they
/// do of all archives. Where there is no other, reading ends with the error.
///
/// Each iterator makes the archive anew, and ends its source when it goes away.
public struct ImageArchive: AsyncSequence, Sendable {
    /// Bytes of the archive.
    public typealias Element = ByteBuffer

    private final class LastError: Sendable {
        let error = Mutex<ContainerImagesError?>(nil)
    }

    private let produce: @Sendable (ArchiveWriter) async throws -> Void
    private let lastError = LastError()

    init(_ produce: @escaping @Sendable (ArchiveWriter) async throws -> Void) { self.produce = produce }

    /// Why the last reading ended before the archive did; nil where it did not.
    ///
    /// For callers who gave the archive to something whose own error says less.
    public var failure: ContainerImagesError? { lastError.error.withLock { $0 } }

    /// Reads the archive from its beginning.
    public func makeAsyncIterator() -> Iterator { Iterator(run: Run(self)) }

    /// Reads an archive.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let run: Run

        /// The next bytes; nil at the end.
        ///
        /// - Throws: `ContainerImagesError`.
        public mutating func next() async throws -> ByteBuffer? { try await run.next() }
    }

    /// One reading.
    fileprivate final class Run: Sendable {
        private let handover: Handover<ByteBuffer>
        private let task: Task<Void, Never>

        init(_ archive: ImageArchive) {
            let handover = Handover<ByteBuffer>()
            self.handover = handover
            task = Task {
                archive.lastError.error.withLock { $0 = nil }
                let failure: ContainerImagesError
                do {
                    try await archive.produce(ArchiveWriter(handover))
                    await handover.finish(.success(()))
                    return
                } catch let error as ContainerImagesError {
                    failure = error
                } catch {
                    failure = .cancelled
                }
                archive.lastError.error.withLock { $0 = failure }
                await handover.finish(.failure(failure))
            }
        }

        deinit { Self.end(task, handover) }

        func next() async throws -> ByteBuffer? {
            try await withTaskCancellationHandler {
                try await handover.next()
            } onCancel: { [task, handover] in
                Self.end(task, handover)
            }
        }

        private static func end(_ task: Task<Void, Never>, _ handover: Handover<ByteBuffer>) {
            task.cancel()
            // Whoever waits to hand something over does not see the cancellation.
            Task { await handover.finish(.failure(ContainerImagesError.cancelled)) }
        }
    }
}

/// Writes the archive of an image, piece by piece, as fast as it is read.
struct ArchiveWriter: Sendable {
    private let handover: Handover<ByteBuffer>

    init(_ handover: Handover<ByteBuffer>) { self.handover = handover }

    /// Writes bytes.
    ///
    /// - Throws: `CancellationError` when nobody reads any more.
    func write(_ bytes: [UInt8]) async throws {
        try Task.checkCancellation()
        guard !bytes.isEmpty else { return }
        try await handover.give(ByteBuffer(bytes: bytes))
    }

    /// Writes a small file.
    func file(_ name: String, _ bytes: [UInt8]) async throws {
        let size = Int64(bytes.count)
        try await write(TarHeader.file(name, size: size) + bytes + TarHeader.padding(size: size))
    }

    /// Writes what comes before the layers.
    func begin(index: ImageIndex, documents: [[UInt8]]) async throws {
        try await file(ImageLayout.markerName, ImageLayout.marker)
        try await file(ImageLayout.indexName, index.json)
        for document in documents {
            try await file(ImageLayout.name(of: ContentDigest(of: document)), document)
        }
    }

    /// Writes what comes after the layers.
    func end() async throws { try await write(TarHeader.end) }
}
