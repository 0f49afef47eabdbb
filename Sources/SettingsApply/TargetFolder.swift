internal import Glibc
internal import SmallFiles

/// The folder below which files are written, each of them whole or not at all.
///
/// No link below it is ever followed: a path is walked name by name with openat(2) and O_NOFOLLOW.
struct TargetFolder: Sendable {
    /// Longer files than any template makes are not compared, but replaced.
    private static let maximumLength = 16 << 20

    let root: String

    /// What has to be done to a file.
    enum Difference: Equatable {
        case none, mode, content
    }

    /// Compares a file with what it should be.
    ///
    /// - Parameter path: below the folder, such as `/etc/hostname`.
    func difference(_ path: String, content: [UInt8], mode: UInt32) throws(TargetError) -> Difference {
        let (folder, name): (Descriptor, String)
        do throws(TargetError) {
            (folder, name) = try parent(of: path, create: false)
        } catch {
            // What is not there differs; what is wrong with the way there, writing will say.
            return .content
        }
        let file = Descriptor(openat(folder.number, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC))
        guard file.number >= 0, let old = try? readSmallFile(file.number, maximumLength: Self.maximumLength),
            old == content
        else { return .content }
        var status = stat()
        guard fstat(file.number, &status) == 0 else { throw TargetError(path, "look at", errno) }
        return status.st_mode & 0o7777 == mode ? .none : .mode
    }

    /// Sets the permission bits of a file that has the right content.
    func setMode(_ path: String, _ mode: UInt32) throws(TargetError) {
        let (folder, name) = try parent(of: path, create: false)
        let file = Descriptor(openat(folder.number, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC))
        guard file.number >= 0 else { throw TargetError(path, "open", errno) }
        guard fchmod(file.number, mode) == 0 else { throw TargetError(path, "set the mode of", errno) }
    }

    /// Puts a file in the place of whatever has its name, a link too; folders on the way are made.
    ///
    /// Not flushed to a disk: the folder lies in memory, and all is written anew at each boot.
    func replace(_ path: String, content: [UInt8], mode: UInt32) throws(TargetError) {
        let (folder, name) = try parent(of: path, create: true)
        // One name a file: what a killed process left behind is taken away by the next one.
        let temporary = ".\(name).new"
        unlinkat(folder.number, temporary, 0)
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        // Nobody else may read it before it has its mode.
        let file = Descriptor(openat(folder.number, temporary, flags, 0o600))
        guard file.number >= 0 else { throw TargetError(path, "create a file beside", errno) }
        do throws(TargetError) {
            do throws(SmallFileWriteError) { try writeAll(content, to: file.number, path: path) } catch {
                throw TargetError(path, "write", error.errno)
            }
            guard fchmod(file.number, mode) == 0 else { throw TargetError(path, "set the mode of", errno) }
            guard renameat(folder.number, temporary, folder.number, name) == 0 else {
                throw TargetError(path, "replace", errno)
            }
        } catch {
            unlinkat(folder.number, temporary, 0)
            throw error
        }
    }

    /// Removes a file, if it is there.
    func remove(_ path: String) {
        guard let (folder, name) = try? parent(of: path, create: false) else { return }
        unlinkat(folder.number, name, 0)
    }

    /// The content of a file of ours; nil if there is none.
    func read(_ path: String, maximumLength: Int) -> [UInt8]? {
        guard let (folder, name) = try? parent(of: path, create: false) else { return nil }
        let file = Descriptor(openat(folder.number, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC))
        guard file.number >= 0 else { return nil }
        return try? readSmallFile(file.number, maximumLength: maximumLength)
    }

    /// Opens the folder that a path's last name is in.
    private func parent(of path: String, create: Bool) throws(TargetError) -> (Descriptor, String) {
        var names = path.split(separator: "/").map(String.init)
        guard let name = names.popLast(), !names.contains(".."), name != "..", !path.utf8.contains(0) else {
            throw TargetError(path, "use", EINVAL)
        }
        if create { mkdir(root, 0o755) }
        var folder = Descriptor(open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
        guard folder.number >= 0 else { throw TargetError(root, "open", errno) }
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        var place = root
        for name in names {
            place += "/\(name)"
            var next = Descriptor(openat(folder.number, name, flags))
            if next.number < 0, errno == ENOENT, create {
                let isMade = mkdirat(folder.number, name, 0o755) == 0
                next = Descriptor(openat(folder.number, name, flags))
                // The umask of the process must not decide who finds the files.
                if isMade, next.number >= 0 { fchmod(next.number, 0o755) }
            }
            guard next.number >= 0 else { throw TargetError(place, "enter the folder", errno) }
            folder = next
        }
        return (folder, name)
    }
}

/// A file descriptor that is closed with the value.
private final class Descriptor {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { if number >= 0 { close(number) } }
}

/// Why a file could not be written.
struct TargetError: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ path: String, _ action: String, _ number: Int32) {
        let hint =
            switch number {
            case ELOOP, ENOTDIR: "; a link or file is in the place of a folder: remove it"
            case ENOSPC, EDQUOT: "; make room there"
            case EISDIR, ENOTEMPTY, EEXIST: "; a folder is in the place of the file: remove it"
            default: ""
            }
        description = "cannot \(action) '\(path)': \(String(cString: strerror(number)))\(hint)"
    }
}
