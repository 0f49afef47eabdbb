import Glibc
import SmallFiles

/// The pages of code that a service has mapped: most of what it has, and needless while it waits.
///
/// The dynamic loader, the Swift runtime's look-ups and each rare request touch code and type records all over the program
/// and its libraries. Pages that are given back stay in the page cache and come from there when they are used; until then
/// they are not counted as the service's, and the kernel need not find out by itself that they are cold.
public enum CodePages {
    private static let sizeLimit = 256 << 10

    /// Unmaps the pages of all executable mappings of files.
    ///
    /// Such pages are never written to, so that madvise(2) with MADV_DONTNEED loses nothing; relocated data, which looks
    /// read-only too, is not touched.
    public static func release() {
        guard let maps = try? readSmallFile("/proc/self/maps", maximumLength: sizeLimit) else { return }
        for line in String(decoding: maps, as: UTF8.self).split(separator: "\n") {
            guard let range = executableFile(line) else { continue }
            madvise(UnsafeMutableRawPointer(bitPattern: range.lowerBound), range.count, Int32(MADV_DONTNEED))
        }
    }

    /// The addresses of a line of proc_pid_maps(5), if it is a private mapping of a file that can be run but not written.
    static func executableFile(_ line: Substring) -> Range<UInt>? {
        let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
        // The path is padded with blanks, and may have some of its own.
        guard fields.count == 6, fields[1] == "r-xp", fields[5].drop(while: { $0 == " " }).hasPrefix("/")
        else {
            return nil
        }
        let ends = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
        guard ends.count == 2, ends[0] < ends[1] else { return nil }
        return ends[0]..<ends[1]
    }
}
