import Glibc
internal import SmallFiles

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
