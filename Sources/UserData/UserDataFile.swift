internal import Glibc
internal import SmallFiles

/// Reads a file of user data: a regular one, of bounded size.
enum UserDataFile {
    /// The bytes of a file; nil if there is none.
    ///
    /// - Parameter isLinkAllowed: whether the path may be a symbolic link; on volumes that others made it may not, as
    ///   the link would lead to the host's own files.
    static func read(_ path: String, isLinkAllowed: Bool = true) throws(UserDataError) -> [UInt8]? {
        do throws(SmallFileError) {
            return try readSmallFile(path, maximumLength: UserDataLimits.bytes, followsLink: isLinkAllowed)
        } catch {
            if error.isMissing { return nil }
            switch error {
            case .cannotOpen(let number), .cannotRead(let number):
                throw .unreadable(place: path, reason: reason(number))
            case .notRegular: throw .unreadable(place: path, reason: "it is not a regular file")
            case .tooLong: throw .tooLarge(place: path)
            case .didNotEnd: throw .unreadable(place: path, reason: "it \(error)")
            }
        }
    }

    /// The words for an error number of errno(3).
    static func reason(_ number: Int32) -> String { String(cString: strerror(number)) }
}
