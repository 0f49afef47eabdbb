import Glibc

extension FeatureSet {
    /// The most feature files of an image.
    public static let maximumCount = 256

    /// Reads all `*.toml` files of a folder, such as `/usr/share/bulkhead/features`.
    ///
    /// - Throws: `FeatureError` for the first file that is wrong or can't be read.
    public static func load(directory: String) throws(FeatureError) -> FeatureSet {
        let names = try featureNames(in: directory)
        guard names.count <= maximumCount else {
            throw .unreadable(path: directory, reason: "has more than \(maximumCount) feature files")
        }
        var features: [Feature] = []
        for name in names {
            let path = "\(directory)/\(name)"
            let bytes: [UInt8]
            do throws(SmallFileError) {
                bytes = try readSmallFile(path, maximumLength: Feature.maximumLength)
            } catch {
                throw .unreadable(path: path, reason: error.description)
            }
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw .unreadable(path: path, reason: "is not UTF-8; save it in that encoding")
            }
            features.append(try Feature(parsing: text, name: String(name.dropLast(5))))
        }
        return try FeatureSet(features)
    }

    private static func featureNames(in directory: String) throws(FeatureError) -> [String] {
        guard let stream = opendir(directory) else {
            throw .unreadable(path: directory, reason: "can't be listed: \(String(cString: strerror(errno)))")
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream), names.count <= maximumCount {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".toml"), !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }
}

/// Why a small file can't be read.
package enum SmallFileError: Error, Equatable, CustomStringConvertible {
    case cannotRead(errno: Int32)
    case notRegular
    case tooLong(limit: Int)

    package var description: String {
        switch self {
        case .cannotRead(let errno): "can't be read: \(String(cString: strerror(errno)))"
        case .notRegular: "is not a regular file"
        case .tooLong(let limit): "is longer than \(limit) bytes"
        }
    }
}

/// The bytes of a regular file that must not be longer than the limit.
package func readSmallFile(_ path: String, maximumLength: Int) throws(SmallFileError) -> [UInt8] {
    // Without O_NONBLOCK, opening a pipe would wait for a writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .cannotRead(errno: errno) }
    defer { close(descriptor) }
    return try readSmallFile(descriptor, maximumLength: maximumLength)
}

/// The bytes behind a descriptor, from its position to the end.
package func readSmallFile(_ descriptor: Int32, maximumLength: Int) throws(SmallFileError) -> [UInt8] {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .cannotRead(errno: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .notRegular }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while true {
        let count = read(descriptor, &buffer, buffer.count)
        if count < 0 {
            if errno == EINTR { continue }
            throw .cannotRead(errno: errno)
        }
        if count == 0 { return bytes }
        bytes += buffer[..<count]
        guard bytes.count <= maximumLength else { throw .tooLong(limit: maximumLength) }
    }
}
