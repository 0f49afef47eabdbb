import Bytes
import Glibc
import Hashing
import HTTPFetch
import ReleaseManifest

/// A release's kernel image in a file, on its way to the ESP.
struct KernelFile {
    /// Its bytes, which are what the release says.
    let source: ByteSource
    private let path: String

    /// Fetches it, or what is still missing of it, and checks it.
    ///
    /// A file that an earlier attempt left with wrong bytes, as a loss of power may, is fetched anew, and so is one with
    /// wrong bytes from a mirror, as long as there is another.
    /// - Parameter warn: is told of mirrors that are asked no more.
    /// - Throws: `UpdaterError.fetch`, or `.record` for a file that can't be written; one with wrong bytes is gone then.
    static func fetch(
        _ remote: HTTPFetch.RemoteFile,
        _ file: Release.File,
        folder: String,
        warn: @Sendable (String) -> Void
    ) async throws(UpdaterError) -> KernelFile {
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw failure("make the folder", folder) }
        // A file of another release is of no use any more.
        let path = "\(folder)/\(file.sha256.hex).efi"
        removeOthers(than: path, in: folder)
        while true {
            let (start, mirrors) = try await complete(path, remote, size: file.size)
            let found: SHA256Digest
            do {
                found = try SHA256Digest(hashingFile: path)
                if found == file.sha256 { return KernelFile(source: try ByteSource(file: path), path: path) }
            } catch {
                throw .record(path: path, reason: "could not be read: \(error)")
            }
            unlink(path)
            var isOtherLeft = false
            for mirror in mirrors where remote.leave(mirror) {
                isOtherLeft = true
                warn(
                    "\(mirror) sent what was not signed: another mirror is asked, and this one must be repaired or removed"
                )
            }
            guard start > 0 || isOtherLeft else {
                throw .fetch(
                    "'\(file.file)' came with the SHA-256 \(found) instead of \(file.sha256): repair the server"
                )
            }
        }
    }

    /// Fetches what a file lacks; returns where that began, and which mirrors sent it.
    private static func complete(
        _ path: String,
        _ remote: HTTPFetch.RemoteFile,
        size: UInt64
    ) async throws(UpdaterError) -> (start: UInt64, mirrors: [String]) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure("open", path) }
        defer { close(descriptor) }
        let end = lseek(descriptor, 0, SEEK_END)
        guard end >= 0 else { throw failure("measure", path) }
        var start = UInt64(end)
        if start > size {
            start = 0
            guard ftruncate(descriptor, 0) == 0 else { throw failure("shorten", path) }
        }
        var mirrors: [String] = []
        do {
            try await remote.stream(from: start) { piece in
                if mirrors.last != piece.mirror { mirrors.append(piece.mirror) }
                try write(Array(piece.bytes), to: descriptor, at: piece.offset, path: path)
            }
        } catch let error as UpdaterError {
            throw error
        } catch {
            throw .fetch("\(error)")
        }
        return (start, mirrors)
    }

    /// Removes the file; what was opened of it can still be read.
    func remove() { unlink(path) }

    private static func write(
        _ bytes: [UInt8],
        to descriptor: Int32,
        at offset: UInt64,
        path: String
    ) throws(UpdaterError) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                pwrite(
                    descriptor,
                    buffer.baseAddress.map { $0 + done },
                    buffer.count - done,
                    off_t(offset) + done
                )
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("write", path)
            }
            done += count
        }
    }

    private static func removeOthers(than path: String, in folder: String) {
        guard let handle = opendir(folder) else { return }
        defer { closedir(handle) }
        while let entry = readdir(handle) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            let other = "\(folder)/\(name)"
            if name.hasSuffix(".efi"), other != path { unlink(other) }
        }
    }

    private static func failure(_ operation: String, _ path: String) -> UpdaterError {
        .record(path: path, reason: "could not \(operation): \(String(cString: strerror(errno)))")
    }
}
