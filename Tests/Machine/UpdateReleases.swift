import Foundation
import ReleaseManifest
import TestSupport
import Testing

/// What a later release has that the image under test has not.
enum ReleaseKind: String, CaseIterable {
    /// A package less.
    case good = "1"
    /// A health check that fails.
    case unhealthy = "2"
    /// A program that hangs the machine while it boots.
    case hanging = "3"
}

/// A repository of releases that follow the image under test, and the web server that serves it.
///
/// Its keys are those that the image under test trusts (`BULKHEAD_TEST_KEYS`, which `make test` makes).
struct UpdateReleases: Sendable {
    /// The release that the guest starts with.
    let image: BuiltImage
    /// The server.
    let web: WebFolder
    private let keys: String
    private let place: TemporaryDirectory

    init() async throws {
        image = try BuiltImage()
        let ring = try #require(
            ProcessInfo.processInfo.environment["BULKHEAD_TEST_KEYS"],
            "set BULKHEAD_TEST_KEYS to the key ring whose root the image under test has; 'make test' does"
        )
        web = try WebFolder()
        place = try TemporaryDirectory()
        // A key ring remembers its one repository, and each test has one of its own.
        keys = place.file("keys")
        try FileManager.default.copyItem(atPath: ring, toPath: keys)
        try await bulkhead("repo", "init", web.folder, "--keys", keys)
        try await publish(image.folder)
    }

    /// The version of a release.
    func version(_ kind: ReleaseKind) -> String { "\(image.release.version).\(kind.rawValue)" }

    /// The name of a release's boot entry, without a counter.
    func entry(_ kind: ReleaseKind) -> String { "\(image.release.variant)_\(version(kind))" }

    /// Builds a release and publishes it.
    ///
    /// - Returns: its build folder, which stays as long as this.
    @discardableResult func publish(_ kind: ReleaseKind) async throws -> BuiltImage {
        let repository = place.file("repository-\(kind)")
        try BuildTool.copyRepository(to: repository)
        try change(repository, kind)
        try await bulkhead(
            "build",
            image.release.variant,
            "--version",
            version(kind),
            "--repository",
            repository,
            "--output",
            place.file("build"),
            "--update-root",
            Self.root(of: keys),
            "--offline"
        )
        let folder = place.file(
            "build/\(image.release.variant)-\(image.release.architecture)-\(version(kind))"
        )
        try await publish(folder)
        return try BuiltImage(folder: folder)
    }

    private func publish(_ folder: String) async throws {
        try await bulkhead("repo", "publish", web.folder, folder, "--keys", keys, "--open")
    }

    /// The root metadata that the image under test was built with.
    static func root(of keys: String) -> String { "\(keys)/1.root.json" }

    /// The file with the root metadata that the image under test was built with.
    var trustedRoot: String { Self.root(of: keys) }

    /// User data that make a guest look for updates here.
    var userData: String {
        """
        [settings]
        motd = "kept over all updates"

        [settings.updates]
        metadata-base-url = "\(web.guestURL("metadata"))"
        targets-base-url = "\(web.guestURL("targets"))"
        """
    }

    private func bulkhead(_ arguments: String...) async throws {
        let (status, output) = try await BuildRun.finish(command: arguments)
        try #require(status == 0, "bulkhead \(arguments.joined(separator: " ")): \(output)")
    }

    /// Edits the copy of the repository that a release is built from.
    private func change(_ repository: String, _ kind: ReleaseKind) throws {
        let manifest = "\(repository)/variants/\(image.release.variant)/variant.toml"
        var text = try String(contentsOfFile: manifest, encoding: .utf8)
        let overlay = "variants/\(image.release.variant)/overlay"
        func add(_ name: String, _ content: String) throws {
            let path = "\(repository)/\(overlay)/usr/lib/systemd/system/\(name)"
            try FileManager.default.createDirectory(
                atPath: (path as NSString).deletingLastPathComponent,
                withIntermediateDirectories: true
            )
            try Data(content.utf8).write(to: URL(filePath: path))
        }
        switch kind {
        case .good:
            text += "\n[packages]\ndrop = [\"openssl-provider-legacy\"]\n"
        case .unhealthy:
            // Whatever is asked about a unit that is not there, the answer is a failure.
            let unit = """
                [Unit]
                Description=Check That Fails
                DefaultDependencies=no
                # As real checks do, it fails when the updater has long seen that this boot is on trial.
                After=sysinit.target updater.service
                Before=boot-complete.target
                [Service]
                Type=oneshot
                ExecStart=/usr/bin/systemctl is-active not-there.service
                [Install]
                RequiredBy=boot-complete.target
                """
            try add("failing-check.service", unit)
            text = "overlays = [\"\(overlay)\"]\n\(text)\n[units]\nenable = [\"failing-check.service\"]\n"
        case .hanging:
            let unit = """
                [Unit]
                Description=Program That Hangs the Machine
                DefaultDependencies=no
                After=sysinit.target
                Before=boot-complete.target
                [Service]
                Type=simple
                ExecStart=/usr/lib/hang
                [Install]
                WantedBy=multi-user.target
                """
            try add("hang.service", unit)
            let source = place.file("hang.c")
            try Data(Self.hang.utf8).write(to: URL(filePath: source))
            let program = "\(repository)/\(overlay)/usr/lib/hang"
            let (status, output) = try runTool("clang", "-O1", "-static", "-o", program, source)
            try #require(status == 0, "clang: \(output)")
            text = "overlays = [\"\(overlay)\"]\n\(text)\n[units]\nenable = [\"hang.service\"]\n"
        }
        try Data(text.utf8).write(to: URL(filePath: manifest))
    }

    /// Stops PID 1 once the watchdog runs, which nobody pings then. (A program of the highest priority on every processor
    /// is no hang since Linux 6.12: its fair server leaves PID 1 the time for a ping.)
    private static let hang = #"""
        #include <fcntl.h>
        #include <string.h>
        #include <sys/ptrace.h>
        #include <sys/wait.h>
        #include <unistd.h>

        int main(void)
        {
            char state[16] = "";
            while (strncmp(state, "active", 6) != 0) {
                usleep(100000);
                int watchdog = open("/sys/class/watchdog/watchdog0/state", O_RDONLY);
                if (watchdog >= 0) {
                    if (read(watchdog, state, sizeof state - 1) < 0)
                        state[0] = 0;
                    close(watchdog);
                }
            }
            int status;
            if (ptrace(PTRACE_SEIZE, 1, 0, 0) != 0 || ptrace(PTRACE_INTERRUPT, 1, 0, 0) != 0
                || waitpid(1, &status, __WALL) != 1)
                return 1;
            const char *last = "this program hangs the machine now\n";
            int console = open("/dev/console", O_WRONLY | O_NOCTTY);
            if (console >= 0 && write(console, last, strlen(last)) > 0)
                fsync(console);
            for (;;)
                pause();
        }
        """#
}
