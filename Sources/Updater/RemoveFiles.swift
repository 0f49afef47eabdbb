import Glibc

/// Removes the files of a folder whose names end in a certain way; what can't be removed stays.
///
/// - Parameters:
///   - suffixes: the ends of the names.
///   - kept: names of files that stay.
func removeFiles(in folder: String, ending suffixes: [String], except kept: [String]) {
    guard let handle = opendir(folder) else { return }
    defer { closedir(handle) }
    while let entry = readdir(handle) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        if suffixes.contains(where: name.hasSuffix), !kept.contains(name) { unlink("\(folder)/\(name)") }
    }
}
