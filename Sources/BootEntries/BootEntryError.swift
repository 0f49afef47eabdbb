/// Why a boot entry's name cannot be made.
public enum BootEntryError: Error, Equatable, CustomStringConvertible {
    /// The name is empty, too long or has characters that a file name on an ESP should not have.
    case badName(String)
    /// The variant's or version's text would not come out of the name as it went in.
    case badPart(String)
    /// The number of tries is not in 1...2147483647.
    case badTries(Int)

    /// What is wrong and what to do about it.
    public var description: String {
        switch self {
        case .badName(let name):
            "'\(name)' cannot be a boot entry's name; use 1 to \(BootEntryName.maximumNameLength) of the characters "
                + "A-Z a-z 0-9 . _ ~ ^ - that do not start with '.' or 'auto-'"
        case .badPart(let part):
            "'\(part)' cannot be a part of a boot entry's name; it must not be empty, and a version has no '_'"
        case .badTries(let tries):
            "a boot entry cannot be tried \(tries) times; use a number from 1 to \(BootCounter.maximum)"
        }
    }
}
