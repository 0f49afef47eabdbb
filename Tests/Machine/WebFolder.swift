import Foundation
import TestSupport

/// A folder that nginx serves on the loopback interface, which guests see as 10.0.2.2.
final class WebFolder: Sendable {
    /// The folder; what is put there is served at once.
    let folder: String
    private let place: TemporaryDirectory
    private let server: WebServer

    init() throws {
        place = try TemporaryDirectory()
        folder = place.file("www")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        server = try WebServer(folder: folder)
    }

    /// Where a guest finds a file of the folder: QEMU's user network has the host's loopback interface at 10.0.2.2.
    func guestURL(_ path: String) -> String { "http://10.0.2.2:\(server.ports[0])/\(path)" }

    /// Where programs on the host of the tests find it.
    func hostURL(_ path: String) -> String { "http://127.0.0.1:\(server.ports[0])/\(path)" }

    /// What was asked for.
    var requests: [WebServer.Request] { server.requests }
}
