import Glibc
import Hashing
import ReleaseManifest
import SmallFiles
import UpdateBlocks

/// The tables of a release, kept as files until it is installed, so that an attempt that goes on does not fetch them again.
///
/// Where the folder can't be read or written, or has little room, there are none, and they are fetched.
struct StagedTables: TableStore {
    private let folder: String
    private static let suffix = ".table"
    /// Bytes that are left for the kernel image, which has to be put together there: more than any may have.
    private static let reserve: UInt64 = 64 << 20

    /// Names a folder, and removes what is there of other releases.
    init(in folder: String, of transports: Release.Transports) {
        self.folder = folder
        let digests = [transports.index.sha256] + transports.packs.map(\.headSha256)
        removeFiles(in: folder, ending: [Self.suffix, Self.suffix + ".new"], except: digests.map(Self.name))
    }

    func read(_ sha256: SHA256Digest, size: Int) -> [UInt8]? {
        let bytes = try? readSmallFile(path(of: sha256), maximumLength: size, followsLink: false)
        return bytes?.count == size ? bytes : nil
    }

    func keep(_ bytes: [UInt8], _ sha256: SHA256Digest) {
        var status = statvfs()
        guard statvfs(folder, &status) == 0,
            UInt64(status.f_bavail) * UInt64(status.f_frsize) >= Self.reserve + UInt64(bytes.count)
        else { return }
        try? replaceSmallFile(path(of: sha256), with: bytes, mode: 0o600)
    }

    /// Removes them all.
    func remove() {
        removeFiles(in: folder, ending: [Self.suffix, Self.suffix + ".new"], except: [])
    }

    private func path(of sha256: SHA256Digest) -> String { "\(folder)/\(Self.name(sha256))" }

    private static func name(_ sha256: SHA256Digest) -> String { sha256.hex + suffix }
}
