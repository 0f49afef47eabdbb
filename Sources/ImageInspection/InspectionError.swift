/// Why a path could not be inspected or compared at all.
///
/// What is wrong inside an image is not an error but a `Finding`.
public enum InspectionError: Error, Equatable, CustomStringConvertible {
    /// The file or folder cannot be opened.
    case unreadable(path: String, reason: String)
    /// The file is an image in a format that must be converted first.
    case otherFormat(path: String, format: String, remedy: String)
    /// The file is nothing that an image is made of.
    case unknownFormat(path: String, size: UInt64)
    /// The folder holds none of the files of a build.
    case notABuildFolder(path: String)
    /// Nothing that can be compared was found in the image.
    case nothingToCompare(path: String, reason: String)

    /// What is wrong and what to do about it.
    public var description: String {
        switch self {
        case .unreadable(let path, let reason):
            "cannot read '\(path)': \(reason); check the path and its permissions"
        case .otherFormat(let path, let format, let remedy):
            "'\(path)' is \(format), which is not read; \(remedy)"
        case .unknownFormat(let path, let size):
            "'\(path)' (\(size) bytes) is no disk image with a GUID partition table, no unified kernel image and "
                + "no EROFS file system; give a build folder, a raw disk image, a .efi or a root.erofs"
        case .notABuildFolder(let path):
            "'\(path)' has no disk.raw, root.erofs or release.json; give the folder "
                + "build/<variant>-<arch>-<version> that a build has written"
        case .nothingToCompare(let path, let reason):
            "'\(path)' cannot be compared: \(reason); see 'bulkhead inspect'"
        }
    }
}
