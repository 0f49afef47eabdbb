internal import Glibc
internal import SmallFiles

/// Reads and durably writes the files of the boot's steps.
enum SmallFile {
    /// The text of a regular file; nil if there is none.
    static func read(_ path: String, limit: Int = 64 << 10) throws(StepError) -> String? {
        do throws(SmallFileError) {
            return String(decoding: try readSmallFile(path, maximumLength: limit), as: UTF8.self)
        } catch {
            if error.isMissing { return nil }
            switch error {
            case .cannotOpen(let number), .cannotRead(let number): throw fault("read", path, number)
            case .tooLong:
                throw StepError("'\(path)' is larger than \(limit) bytes: that is not a file of this host's")
            case .notRegular, .didNotEnd: throw StepError("could not read '\(path)': it \(error)")
            }
        }
    }

    /// Makes a file's content be this text, as a whole or, after a power cut, not at all.
    static func write(_ text: String, to path: String) throws(StepError) {
        do throws(SmallFileWriteError) {
            try replaceSmallFile(path, with: Array(text.utf8), mode: 0o600)
        } catch {
            throw fault(error.operation.rawValue, error.path, error.errno)
        }
    }

    /// Removes a file durably, if it exists.
    static func remove(_ path: String) throws(StepError) {
        do throws(SmallFileWriteError) { try removeSmallFile(path) } catch {
            throw fault(error.operation.rawValue, error.path, error.errno)
        }
    }

    private static func fault(_ operation: String, _ path: String, _ number: Int32) -> StepError {
        StepError("could not \(operation) '\(path)': \(String(cString: strerror(number)))")
    }
}
