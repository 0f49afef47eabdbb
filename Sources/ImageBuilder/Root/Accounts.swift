import FileTree
import Foundation

/// The accounts of an image: /etc/passwd and its like, made by systemd-sysusers(8) from the declarations in
/// /usr/lib/sysusers.d.
enum Accounts {
    static let files = ["/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow"]

    static func add(to tree: inout FileTree, toolbox: Toolbox, cache: StageCache) async throws {
        let work = try WorkDirectory(cache: cache)
        try tree.materialise(["/usr/lib/sysusers.d", "/usr/lib/os-release"], to: work.file("root"))
        try FileSystem.makeDirectory(work.file("root/etc"))
        try await toolbox.run(["systemd-sysusers", "--root=/work/root"], work: work.path)
        for path in files {
            let bytes = try FileSystem.read(work.file("root") + path, limit: 1 << 20)
            let mode: UInt16 = path.hasSuffix("shadow") ? 0o000 : 0o644
            try tree.insert(
                .file(bytes, mode: mode, origin: "systemd-sysusers"),
                at: path,
                onConflict: .replace
            )
        }
    }
}
