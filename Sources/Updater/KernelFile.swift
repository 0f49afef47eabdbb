import Bytes
import Hashing
import HTTPFetch
import ReleaseManifest
import UpdateBlocks

/// A release's kernel image on its way to the ESP: put together in a file of parts that this host has, in its other kernel
/// images or from an earlier attempt, and of those that come from the network.
///
/// Unchecked: one task looks, and then fetches.
final class KernelFile: @unchecked Sendable {
    /// The bytes that come from the network, as `BlockPlan` counts them, as far as the servers have ranges.
    let byteCount: UInt64
    private let file: Release.File
    private let parts: [KernelParts.Part]
    private let staged: StagedKernel
    private let local: [Int: ByteSource]
    /// What is to be fetched, by the part's number.
    private var missing: [Int: [Range<UInt64>]]

    /// Looks what of a release's kernel image is there.
    ///
    /// - Parameters:
    ///   - folder: where it is put together, and where an earlier attempt has left what it had.
    ///   - images: other kernel images.
    /// - Throws: `UpdaterError.record` for a file that can't be made or read.
    init(_ release: Release, folder: String, images: [ByteSource]) throws(UpdaterError) {
        let parts = KernelParts(of: release)
        (file, self.parts) = (release.uki, parts.parts)
        staged = try StagedKernel("\(file.sha256.hex).efi", in: folder, size: file.size)
        var local: [Int: ByteSource] = [:]
        var missing: [Int: [Range<UInt64>]] = [:]
        let found = parts.found(in: images)
        for (number, part) in parts.parts.enumerated() {
            if staged.isBegun, try Self.digest(staged, part.range) == part.sha256 { continue }
            if let bytes = found[number] {
                local[number] = bytes
            } else {
                missing[number] = staged.isBegun ? try staged.unwritten(in: part.range) : [part.range]
            }
        }
        (self.local, self.missing) = (local, missing)
        byteCount = KernelParts.byteCount(of: missing.values.flatMap { $0 })
    }

    /// Brings what is missing, and checks every part and the whole.
    ///
    /// What turns out to be wrong and was there is fetched; what came wrong from a mirror is fetched from another one, as
    /// long as there is one.
    /// - Parameters:
    ///   - warn: is told of mirrors that are asked no more.
    ///   - progress: is told how many bytes of how many have come.
    /// - Returns: its bytes, which are what the release says.
    /// - Throws: `UpdaterError.fetch`, `.record` for a file that can't be written, or `.release` where the release's parts
    ///   are not those of its kernel image.
    func fetch(
        _ remote: HTTPFetch.RemoteFile,
        warn: @Sendable (String) -> Void,
        progress: @Sendable (_ done: UInt64, _ total: UInt64) -> Void
    ) async throws(UpdaterError) -> ByteSource {
        for (number, bytes) in local { try copy(bytes, to: parts[number].range) }
        // Parts of which every byte came in this run.
        var fetched: Set<Int> = []
        while true {
            for (number, ranges) in missing where ranges == [parts[number].range] { fetched.insert(number) }
            let senders = try await download(remote, progress)
            let wrong = try wrongParts()
            if wrong.isEmpty { return staged.source }
            missing = [:]
            for number in wrong { missing[number] = [parts[number].range] }
            guard let number = wrong.first(where: fetched.contains) else { continue }
            var isOtherLeft = false
            for mirror in Set(wrong.filter(fetched.contains).flatMap { senders[$0] ?? [] }).sorted()
            where remote.leave(mirror) {
                isOtherLeft = true
                warn(
                    "\(mirror) sent what was not signed: another mirror is asked, and this one must be repaired or removed"
                )
            }
            guard isOtherLeft else { throw try wrongBytes(number, from: senders[number] ?? []) }
        }
    }

    /// Removes the file; what was opened of it can still be read.
    func remove() { staged.remove() }

    // MARK: Parts

    private func copy(_ source: ByteSource, to range: Range<UInt64>) throws(UpdaterError) {
        var position = range.lowerBound
        while position < range.upperBound {
            let count = Int(min(1 << 20, range.upperBound - position))
            // What can't be read now, and could be before, is found to be wrong and fetched.
            guard let bytes = try? source.read(at: position - range.lowerBound, count: count) else { return }
            try staged.write(bytes, at: position)
            position += UInt64(count)
        }
    }

    /// The parts whose bytes are not those that the release names; it checks the whole where there is none.
    private func wrongParts() throws(UpdaterError) -> [Int] {
        var wrong: [Int] = []
        for (number, part) in parts.enumerated() where try Self.digest(staged, part.range) != part.sha256 {
            wrong.append(number)
        }
        if wrong.isEmpty {
            let found = try Self.digest(staged, 0..<file.size)
            guard found == file.sha256 else {
                remove()
                throw .release(
                    """
                    the parts of '\(file.file)' in release.json make up a file with the SHA-256 \(found) instead of \
                    \(file.sha256): publish the release again
                    """
                )
            }
        }
        return wrong
    }

    private func wrongBytes(_ number: Int, from mirrors: Set<String>) throws(UpdaterError) -> UpdaterError {
        let part = parts[number]
        let found = try Self.digest(staged, part.range)
        return .fetch(
            """
            bytes \(part.range.lowerBound) to \(part.range.upperBound - 1) of '\(file.file)' came from \
            \(mirrors.sorted().joined(separator: " and ")) with the SHA-256 \(found) instead of \(part.sha256): repair \
            the server
            """
        )
    }

    private static func digest(
        _ staged: StagedKernel,
        _ range: Range<UInt64>
    ) throws(UpdaterError) -> SHA256Digest {
        do throws(ByteSourceError) { return try KernelParts.digest(of: staged.source, range) } catch {
            throw staged.unreadable(error)
        }
    }

    // MARK: Network

    /// Fetches what is missing; returns which mirrors sent something of which part.
    private func download(
        _ remote: HTTPFetch.RemoteFile,
        _ progress: @Sendable (_ done: UInt64, _ total: UInt64) -> Void
    ) async throws(UpdaterError) -> [Int: Set<String>] {
        var wanted: [Range<UInt64>] = []
        for range in missing.values.flatMap({ $0 }).sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = wanted.last, last.upperBound == range.lowerBound {
                wanted[wanted.count - 1] = last.lowerBound..<range.upperBound
            } else {
                wanted.append(range)
            }
        }
        guard let first = wanted.first else { return [:] }
        var senders: [Int: Set<String>] = [:]
        let total = wanted.reduce(0) { $0 + UInt64($1.count) }
        var done: UInt64 = 0
        func take(_ piece: FetchedBytes) throws {
            done += try self.take(piece, wanted, &senders)
            progress(min(done, total), total)
        }
        progress(0, total)
        do {
            // One stream needs no server that has ranges, and continues where it breaks.
            if wanted.count == 1, first.upperBound == file.size {
                try await remote.stream(from: first.lowerBound, body: take)
            } else {
                do {
                    try await remote.read(ranges: wanted, body: take)
                } catch let error as FetchError where error.lacksRanges {
                    try await remote.stream(from: first.lowerBound, body: take)
                }
            }
        } catch let error as UpdaterError {
            throw error
        } catch {
            throw .fetch("\(error)")
        }
        return senders
    }

    /// Writes what is wanted of some bytes, and returns how many those are.
    private func take(
        _ piece: FetchedBytes,
        _ wanted: [Range<UInt64>],
        _ senders: inout [Int: Set<String>]
    ) throws -> UInt64 {
        let place = piece.offset..<piece.offset + UInt64(piece.bytes.count)
        var count: UInt64 = 0
        for range in wanted where range.overlaps(place) {
            let part = range.clamped(to: place)
            count += UInt64(part.count)
            let start = Int(part.lowerBound - place.lowerBound)
            try staged.write(piece.bytes[start..<start + part.count], at: part.lowerBound)
        }
        for number in missing.keys where parts[number].range.overlaps(place) {
            senders[number, default: []].insert(piece.mirror)
        }
        return count
    }
}
