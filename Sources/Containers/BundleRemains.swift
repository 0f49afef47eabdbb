internal import Glibc

/// What containerd leaves of a container when it is killed while it starts one.
///
/// At its next start it tries to clean up by the runtime, fails as there is too little to go by, and keeps the folder
/// ("bundle"). From then on no container of that name starts: "mkdir ...: file exists". It has no call to remove it.
struct BundleRemains {
    /// The folder.
    let path: String

    /// Names a container's bundle; nil for names that lead elsewhere.
    init?(state: String, namespace: String, id: String) {
        for name in [namespace, id] where name.isEmpty || name.hasPrefix(".") || name.contains("/") {
            return nil
        }
        path = "\(state)/io.containerd.runtime.v2.task/\(namespace)/\(id)"
    }

    /// Removes the folder with the files in it, and its mount point when nothing is below that.
    func remove() {
        guard let folder = opendir(path) else { return }
        var names: [String] = []
        while let entry = readdir(folder), names.count < 64 {
            names.append(
                withUnsafeBytes(of: entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
            )
        }
        closedir(folder)
        umount2("\(path)/rootfs", Int32(MNT_DETACH | UMOUNT_NOFOLLOW))
        rmdir("\(path)/rootfs")
        for name in names where name != "." && name != ".." { unlink("\(path)/\(name)") }
        rmdir(path)
    }
}
