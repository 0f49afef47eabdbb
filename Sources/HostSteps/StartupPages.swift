internal import Glibc
internal import SmallFiles

/// What a process that stays has in memory of its programs and libraries, and needed only to start.
enum StartupPages {
    /// What smaps of a process may take: some 700 bytes a mapping, of which there are some hundred.
    private static let limit = 4 << 20

    /// Gives back all pages that were read from files and not written to (madvise(2), MADV_DONTNEED).
    ///
    /// What is needed after all comes back from the page cache, piece by piece. By itself a kernel takes these pages only
    /// when it is short of memory. Nothing may unmap files meanwhile: call it when the start is over, in a process whose
    /// libraries stay.
    static func release() {
        guard let smaps = try? readSmallFile("/proc/self/smaps", maximumLength: limit) else { return }
        for mapping in mappings(of: String(decoding: smaps, as: UTF8.self)) {
            _ = madvise(UnsafeMutableRawPointer(bitPattern: mapping.lowerBound), mapping.count, MADV_DONTNEED)
        }
    }

    /// The mappings of files none of whose pages is the process's own, as proc_pid_smaps(5) tells them.
    static func mappings(of smaps: String) -> [Range<UInt>] {
        var found: [Range<UInt>] = []
        var file: Range<UInt>?
        for line in smaps.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
            guard let first = words.first else { continue }
            if !first.hasSuffix(":") {
                // A heading: addresses, rights, offset, device, inode, path.
                file =
                    words.count == 6
                    ? unwritable(addresses: first, rights: words[1], path: words[5].drop { $0 == " " }) : nil
            } else if first == "Anonymous:", words.count > 1 {
                if let file, words[1] == "0" { found.append(file) }
                file = nil
            }
        }
        return found
    }

    private static func unwritable(
        addresses: Substring,
        rights: Substring,
        path: Substring
    ) -> Range<UInt>? {
        // "r-xp": no other process sees what becomes of the mapping.
        guard rights.count == 4, rights.hasPrefix("r-"), rights.hasSuffix("p"), path.hasPrefix("/") else {
            return nil
        }
        let ends = addresses.split(separator: "-").map { UInt($0, radix: 16) }
        guard ends.count == 2, let start = ends[0], let end = ends[1], start > 0, start < end else {
            return nil
        }
        return start..<end
    }
}
