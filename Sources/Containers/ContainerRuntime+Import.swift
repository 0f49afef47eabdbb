internal import GRPCClient
public import NIOCore
public import OCI
internal import Protobuf

extension ContainerRuntime {
    /// The most bytes of an archive that are sent at once.
    private static let pieceSize = 64 << 10
    /// How long containerd may take no bytes.
    private static let stallLimit: Duration = .seconds(300)

    /// Stores and unpacks an image that comes as an OCI archive (an image layout in a tar) with one manifest.
    ///
    /// The archive is read as fast as containerd takes it; nothing of it is kept here. After an error nothing is left of
    /// what came.
    ///
    /// - Parameters:
    ///   - name: the name it gets; an image that has it loses it.
    ///   - manifest: the digest of the manifest that the archive must have, when it is known.
    ///   - limit: the most time for all of it.
    ///   - progress: is told how far it is, with event `sent` for bytes of the archive that containerd has taken.
    /// - Throws: `ContainerError`, with `source` for what the archive throws.
    public func importImage<Archive: AsyncSequence & Sendable>(
        _ archive: Archive,
        as name: String,
        manifest: ContentDigest? = nil,
        limit: Duration = .seconds(1800),
        progress: @escaping @Sendable (ImportProgress) -> Void = { _ in }
    ) async throws(ContainerError) -> ImageRecord where Archive.Element == ByteBuffer {
        // Without a name containerd stores nothing and says that all is well.
        guard !name.isEmpty else { throw .invalid("the name of an image", reason: "it is empty") }
        let lease = try await makeLease("prepare the import of image '\(name)'")
        do {
            try await transfer(archive, name, lease, limit, progress)
            let image = try await stored(name, manifest)
            await removeLease(lease)
            return image
        } catch {
            await removeLease(lease, sync: true)
            throw error
        }
    }

    /// The image that was stored, if it is the right one; another one is removed.
    private func stored(
        _ name: String,
        _ wanted: ContentDigest?
    ) async throws(ContainerError) -> ImageRecord {
        guard let image = try await image(name) else {
            throw .notAnImage(name, reason: "containerd found nothing in it that it could store")
        }
        let found = try await manifest(of: image).digest
        if let wanted, wanted != found {
            try await removeImage(name)
            throw .otherImage(name, wanted: wanted, found: found)
        }
        return image
    }

    // MARK: The transfer

    /// The ends of the tasks that an import consists of.
    private enum End: Sendable {
        case transfer(ContainerError?)
        case archive(ContainerError?)
        case progress
        case overdue
    }

    private func transfer<Archive: AsyncSequence & Sendable>(
        _ archive: Archive,
        _ name: String,
        _ lease: String,
        _ limit: Duration,
        _ progress: @escaping @Sendable (ImportProgress) -> Void
    ) async throws(ContainerError) where Archive.Element == ByteBuffer {
        let what = "import image '\(name)'"
        let data = try await openStream("\(lease)-data", what)
        defer { data.cancel() }
        let reports = try await openStream("\(lease)-progress", what)
        defer { reports.cancel() }
        let request = Self.request(name, data: "\(lease)-data", progress: "\(lease)-progress")
        var sourceError: ContainerError?
        var transferError: ContainerError?
        await withTaskGroup(of: End.self) { group in
            group.addTask {
                do throws(ContainerError) {
                    _ = try await self.call(Transfers.transfer, request, what, lease: lease, limit: limit)
                    return .transfer(nil)
                } catch {
                    return .transfer(error)
                }
            }
            group.addTask {
                do throws(ContainerError) {
                    try await Self.send(archive, name, through: data, progress)
                    return .archive(nil)
                } catch {
                    return .archive(error)
                }
            }
            group.addTask {
                await Self.report(reports, to: progress)
                return .progress
            }
            loop: while let end = await group.next() {
                switch end {
                case .transfer(let error):
                    transferError = error
                    break loop
                case .archive(let error?):
                    sourceError = error
                    // containerd sees that no more comes, and ends by itself: then nothing is written behind our back.
                    data.cancel()
                    group.addTask {
                        try? await Task.sleep(for: .seconds(5))
                        return .overdue
                    }
                case .archive(nil), .progress: continue
                case .overdue: break loop
                }
            }
            group.cancelAll()
        }
        if let sourceError, case .source = sourceError { throw sourceError }
        if let error = transferError ?? sourceError { throw Self.cause(of: error, name) }
    }

    /// Opens a stream that a transfer can name.
    private func openStream(_ id: String, _ what: String) async throws(ContainerError) -> GRPCStream {
        do throws(GRPCError) {
            let stream = try await connection.stream(
                Transfers.stream.path,
                metadata: metadata(),
                opening: Self.ordinaryLimit
            )
            let opening = Transfers.StreamInit(id: id)
            try await stream.send(ProtobufAny(packing: opening, as: Transfers.StreamInit.typeName).serialized)
            // Before its answer the stream has no name.
            guard try await stream.next(timeout: Self.ordinaryLimit) != nil else {
                throw .protocolFault(path: Transfers.stream.path, "the stream ended before it began")
            }
            return stream
        } catch {
            throw ContainerError(error, what)
        }
    }

    private static func request(_ name: String, data: String, progress: String) -> Transfers.TransferRequest {
        let source = Transfers.ImageImportStream(stream: data)
        let store = Transfers.ImageStore(
            name: name,
            platform: WirePlatform(.current),
            snapshotter: "overlayfs"
        )
        return Transfers.TransferRequest(
            source: ProtobufAny(packing: source, as: Transfers.ImageImportStream.typeName),
            destination: ProtobufAny(packing: store, as: Transfers.ImageStore.typeName),
            progressStream: progress
        )
    }

    /// Sends an archive's bytes as containerd asks for them.
    private static func send<Archive: AsyncSequence & Sendable>(
        _ archive: Archive,
        _ name: String,
        through stream: GRPCStream,
        _ progress: @Sendable (ImportProgress) -> Void
    ) async throws(ContainerError) where Archive.Element == ByteBuffer {
        var window = 0
        var sent: Int64 = 0
        var iterator = archive.makeAsyncIterator()
        while var buffer = try await next(&iterator, name) {
            while buffer.readableBytes > 0 {
                while window <= 0 {
                    // It has what it needs: what comes behind the end of a tar.
                    guard let more = try await room(stream, name) else { return }
                    window += more
                }
                let count = min(window, buffer.readableBytes, pieceSize)
                guard let piece = buffer.readBytes(length: count) else { break }
                let message = ProtobufAny(packing: Transfers.Data(data: piece), as: Transfers.Data.typeName)
                do throws(GRPCError) {
                    try await stream.send(message.serialized)
                } catch {
                    throw ContainerError(error, "take the archive of image '\(name)'")
                }
                window -= count
                sent += Int64(count)
            }
            progress(ImportProgress(event: "sent", part: name, done: sent, total: 0))
        }
        do throws(GRPCError) {
            try await stream.finish()
        } catch {
            throw ContainerError(error, "take the end of the archive of image '\(name)'")
        }
    }

    private static func next<Iterator: AsyncIteratorProtocol>(
        _ iterator: inout Iterator,
        _ name: String
    ) async throws(ContainerError) -> ByteBuffer? where Iterator.Element == ByteBuffer {
        do {
            return try await iterator.next()
        } catch {
            throw .source(name, reason: "\(error)")
        }
    }

    /// How many bytes more containerd takes; nil when it wants no more.
    private static func room(_ stream: GRPCStream, _ name: String) async throws(ContainerError) -> Int? {
        let what = "take the archive of image '\(name)'"
        let bytes: [UInt8]
        do throws(GRPCError) {
            guard let next = try await stream.next(timeout: stallLimit) else { return nil }
            bytes = next
        } catch {
            throw ContainerError(error, what)
        }
        do {
            let message = try ProtobufAny(serialized: bytes)
            let update: Transfers.WindowUpdate = try message.unpack(as: Transfers.WindowUpdate.typeName)
            guard update.update > 0 else { return 0 }
            return Int(update.update)
        } catch {
            throw .badAnswer(what, reason: "\(error)")
        }
    }

    /// Passes on what containerd says about an import, until it says no more; what cannot be read is left out.
    private static func report(
        _ stream: GRPCStream,
        to progress: @Sendable (ImportProgress) -> Void
    ) async {
        while let bytes = try? await stream.next(timeout: nil) {
            guard let message = try? ProtobufAny(serialized: bytes),
                let report: Transfers.Progress = try? message.unpack(as: Transfers.Progress.typeName)
            else { continue }
            progress(
                ImportProgress(
                    event: report.event,
                    part: report.name,
                    done: report.progress,
                    total: report.total
                )
            )
        }
    }

    /// What an error of a transfer means, as far as its text says.
    private static func cause(of error: ContainerError, _ name: String) -> ContainerError {
        guard let (_, message) = error.status else { return error }
        func has(_ texts: String...) -> Bool { texts.contains { message.contains($0) } }
        if has("image might be filtered out", "no match for platform") {
            return .otherArchitecture(name, wanted: "\(Platform.current)")
        }
        if has("unrecognized image format", "invalid tar header") {
            return .notAnImage(name, reason: message)
        }
        let damage = [
            "unexpected EOF", "content digest", "unexpected commit digest", "failed size validation",
            "failed to extract layer", "unexpected commit size", "wrong diff id", "does not match",
        ]
        if damage.contains(where: { message.contains($0) }) { return .damagedImage(name, reason: message) }
        return error
    }
}
