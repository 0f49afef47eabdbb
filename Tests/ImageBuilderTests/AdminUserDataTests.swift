import Foundation
import TestSupport
import Testing

/// What the admin container reads of its user data, with the shell functions that are in its image.
@Suite struct AdminUserDataTests {
    private static let script = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .deletingLastPathComponent().appending(
            path: "image/containers/admin/rootfs/usr/lib/bulkhead/user-data.sh"
        )

    /// Output and messages of one call.
    private func call(_ command: String, with userData: String) throws -> String {
        let folder = try TemporaryDirectory()
        try userData.write(toFile: folder.file("user-data"), atomically: true, encoding: .utf8)
        let script = "set -eu; userdata=$1; . '\(Self.script.path)'; \(command) 2>&1"
        let (status, output) = try runTool("dash", ["-c", script, "dash", folder.file("user-data")])
        #expect(status == 0, "\(output)")
        return output
    }

    @Test(arguments: [
        (#"{"ssh": {"authorized-keys": ["key a", "key b"]}}"#, "key a\nkey b\n"),
        // As a program has it that reads a key from a file.
        (#"{"ssh": {"authorized-keys": ["key a\n", "key b \r\n"]}}"#, "key a\nkey b\n"),
        (#"{"ssh": {"authorized-keys": "key a"}}"#, "key a\n"),
        (#"{"ssh": {}}"#, ""), (#"{"ssh": []}"#, ""), ("{}", ""), ("", ""),
    ])
    func keysAreLines(_ userData: String, _ expected: String) throws {
        #expect(try call("lines authorized-keys", with: userData) == expected)
    }

    @Test func whatIsNoLineIsNamed() throws {
        let output = try call(
            "lines authorized-keys",
            with: #"{"ssh": {"authorized-keys": ["key a", "key\nb", "", 4, ["key c"]]}}"#
        )
        #expect(
            output == "key a\nadmin: 4 of 'ssh.authorized-keys' left out: each must be a text of one line\n"
        )
    }

    @Test func algorithmsAreOneList() throws {
        let output = try call(
            "algorithms ciphers",
            with: #"{"ssh": {"ciphers": ["a@openssh.com,b", "c d", "c\nCiphers d", "e-1"]}}"#
        )
        #expect(
            output.split(separator: "\n").sorted() == [
                "a@openssh.com,b,e-1",
                "admin: 2 of 'ssh.ciphers' left out: each must be the name of an algorithm",
            ]
        )
    }

    @Test func aTextIsAText() throws {
        #expect(try call("text user", with: #"{"user": "ops"}"#) == "ops\n")
        #expect(try call("text user", with: "{}") == "\n")
        #expect(try call("text user", with: "") == "")
        #expect(
            try call("text user", with: #"{"user": ["ops"]}"#)
                == "admin: 'user' is no text, and is not used\n"
        )
        #expect(
            try call("text user", with: #"{"user": false}"#) == "admin: 'user' is no text, and is not used\n"
        )
    }
}
