import Foundation
import SettingsModel
import UserData

/// User data that are to be checked, in a file.
struct UserDataFile {
    /// Where it is; `-` is standard input.
    var path: String

    /// Reads the file and checks every setting in it as a host does.
    func check() async throws(UserDataFileError) -> (good: SettingsDocument, problems: [SettingProblem]) {
        let content = UserDataContent(place: path, bytes: [UInt8](try read()))
        let userData = await UserData(reading: [GivenUserData(content: content)])
        if let error = userData.parts.compactMap(\.error).first {
            guard case .malformed(_, let reason) = error else {
                throw .unreadable(path: path, problem: "\(error)")
            }
            throw .unreadable(path: path, problem: reason)
        }
        let count = userData.settings.values.count
        guard count <= SettingsDocument.mostInTransaction else { throw .tooMany(path: path, count: count) }
        return (userData.settings, userData.parts.flatMap(\.problems))
    }

    private func read() throws(UserDataFileError) -> Data {
        let data: Data?
        do {
            let handle =
                try path == "-"
                ? FileHandle.standardInput : FileHandle(forReadingFrom: URL(filePath: path))
            data = try handle.read(upToCount: UserDataLimits.bytes + 1)
        } catch {
            throw .unreadable(path: path, problem: (error as NSError).localizedDescription)
        }
        guard let data, !data.allSatisfy(\.isSpace) else { throw .empty(path: path) }
        guard data.count <= UserDataLimits.bytes else { throw .tooLong(path: path) }
        return data
    }
}

/// User data that were read already.
private struct GivenUserData: UserDataSource {
    let name = "file"
    let content: UserDataContent

    func read() throws(UserDataError) -> UserDataContent? { content }
}

extension UInt8 {
    fileprivate var isSpace: Bool { self == 0x20 || (0x09...0x0d).contains(self) }
}

/// Why a host would use nothing of a file of user data.
enum UserDataFileError: Error, Equatable, CustomStringConvertible {
    /// It can't be read, or is neither TOML nor JSON.
    case unreadable(path: String, problem: String)
    /// There is nothing in it.
    case empty(path: String)
    /// It is longer than what a host reads.
    case tooLong(path: String)
    /// It has more settings than a host takes at one time.
    case tooMany(path: String, count: Int)

    var description: String {
        switch self {
        case .unreadable(let path, let problem): "'\(path)': \(problem)"
        case .empty(let path): "'\(path)' is empty: name a file of user data in TOML or JSON"
        case .tooLong(let path):
            "'\(path)' is longer than \(UserDataLimits.bytes) bytes: a host uses nothing of it; make it smaller"
        case .tooMany(let path, let count):
            "'\(path)' has \(count) settings of at most \(SettingsDocument.mostInTransaction): "
                + "a host uses none of them; leave some out"
        }
    }
}
