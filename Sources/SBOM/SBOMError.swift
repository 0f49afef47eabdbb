/// Why a bill of materials or an inventory cannot be made or read.
public enum SBOMError: Error, Equatable, CustomStringConvertible {
    /// A package of one kind comes twice.
    case duplicatePackage(name: String, architecture: String)
    /// A package has no name or no version.
    case incompletePackage(name: String, version: String)
    /// The time cannot be written as SPDX wants it.
    case timestampOutOfRange(seconds: UInt64)
    /// Two files of an inventory have one path, or a path is not absolute.
    case badPath(path: String, reason: String)
    /// A file of an inventory is said to come from a package that the inventory does not have.
    case unknownPackage(name: String, path: String)
    /// The text of an inventory is not what this code writes.
    case malformedInventory(reason: String)
    /// A value cannot be written as JSON.
    case notEncodable(reason: String)

    /// What is wrong, with which value, and what to do.
    public var description: String {
        switch self {
        case .duplicatePackage(let name, let architecture):
            return "package '\(name)' (\(architecture)) is listed twice; list it once a kind"
        case .incompletePackage(let name, let version):
            return
                "package '\(name)', version '\(version)': both must be given; look at its entry in packages.lock"
        case .timestampOutOfRange(let seconds):
            return "SOURCE_DATE_EPOCH \(seconds) is after the year 9999; set it to the time of the release"
        case .badPath(let path, let reason):
            return "inventory path '\(path)': \(reason)"
        case .unknownPackage(let name, let path):
            return "file '\(path)' is said to come from package '\(name)', which the inventory does not list;"
                + " list the package or give the file none"
        case .malformedInventory(let reason):
            return "packages.json: \(reason); build the image again"
        case .notEncodable(let reason):
            return "the document cannot be written as JSON: \(reason)"
        }
    }
}
