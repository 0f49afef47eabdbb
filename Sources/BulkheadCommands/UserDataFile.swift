import Foundation
import JSON
import SettingsModel
import TOML

/// Settings that are to be checked, in a file.
struct UserDataFile {
    /// Far more than any provider of user data hands on.
    static let maximumSize = 4 << 20

    /// Where it is; `-` is standard input.
    var path: String

    /// Reads the file and checks every setting in it.
    func check() throws(UserDataFileError) -> (good: SettingsDocument, problems: [SettingProblem]) {
        let bytes = try read()
        guard let first = bytes.first(where: { !$0.isSpace }) else { throw .empty(path: path) }
        if first == UInt8(ascii: "{") {
            let json: JSONValue
            do { json = try JSONValue(parsing: bytes) } catch {
                throw .unreadable(path: path, problem: "\(error)")
            }
            // The API's documents have no 'settings' around them; written user data has.
            return SettingsDocument.sift(json.members?.count == 1 ? json[SettingKey.root] ?? json : json)
        }
        let toml: JSONValue
        do { toml = try JSONValue(parsingTOML: bytes) } catch {
            throw .unreadable(path: path, problem: "\(error)")
        }
        var (document, problems) = SettingsDocument.sift(toml[SettingKey.root] ?? [:])
        for name in (toml.members ?? [:]).keys.sorted() where name != SettingKey.root {
            let allowed = "user data has one table, 'settings': write [settings.\(name)] if that is meant"
            problems.append(SettingProblem(key: name, value: nil, allowed: allowed))
        }
        return (document, problems)
    }

    private func read() throws(UserDataFileError) -> Data {
        let data: Data?
        do {
            let handle =
                try path == "-"
                ? FileHandle.standardInput : FileHandle(forReadingFrom: URL(filePath: path))
            data = try handle.read(upToCount: Self.maximumSize + 1)
        } catch {
            throw .unreadable(path: path, problem: (error as NSError).localizedDescription)
        }
        guard let data, !data.isEmpty else { throw .empty(path: path) }
        guard data.count <= Self.maximumSize else { throw .tooLong(path: path) }
        return data
    }
}

extension UInt8 {
    fileprivate var isSpace: Bool { self == 0x20 || (0x09...0x0d).contains(self) }
}

/// Why a file holds no settings that could be checked.
enum UserDataFileError: Error, Equatable, CustomStringConvertible {
    /// It can't be read, or is neither TOML nor JSON.
    case unreadable(path: String, problem: String)
    /// There is nothing in it.
    case empty(path: String)
    /// It is longer than any user data.
    case tooLong(path: String)

    var description: String {
        switch self {
        case .unreadable(let path, let problem): "'\(path)': \(problem)"
        case .empty(let path): "'\(path)' is empty: name a file of user data in TOML or JSON"
        case .tooLong(let path):
            "'\(path)' is longer than \(UserDataFile.maximumSize) bytes: that is no user data"
        }
    }
}
