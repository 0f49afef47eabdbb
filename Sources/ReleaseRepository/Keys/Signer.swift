import Foundation
import Hashing
import Processes
import Signatures
import TUF

/// How the key ring signs with one key.
struct Signer: Sendable {
    /// Where the secret is.
    enum Source: Sendable, Equatable {
        /// A PKCS#8 file in PEM.
        case file(String)
        /// A program that gets the bytes to sign on standard input and prints the signature, raw or in base64; the
        /// secret may be in a KMS or behind PKCS#11.
        case command([String])
    }

    /// The file of the public key, for messages.
    let publicFile: String
    /// The public key.
    let key: Key
    /// Where the secret is.
    let source: Source

    /// How long a program may take to sign: somebody may have to touch a token.
    static let timeLimit = Duration.seconds(120)
    /// Most bytes a program may print.
    static let outputLimit = 64 << 10
    /// Largest file with a key.
    static let keyFileLimit = 64 << 10

    /// Makes a signature and checks it with the public key, so that a wrong key never gets into metadata.
    ///
    /// - Throws: `RepositoryError.badKey` or `.signingFailed`.
    func sign(_ message: [UInt8]) async throws(RepositoryError) -> MetadataSignature {
        guard let scheme = key.signatureScheme else {
            throw .badKey(path: publicFile, reason: "its kind '\(key.keyType)' cannot sign")
        }
        let candidates: [[UInt8]]
        switch source {
        case .file(let path):
            candidates = [try signWithFile(path, message, scheme)]
        case .command(let words):
            candidates = try await Self.run(words, message)
        }
        for signature in candidates where key.isValid(signature: signature, of: message) {
            return MetadataSignature(keyID: key.keyID, signature: signature)
        }
        switch source {
        case .file(let path):
            throw .badKey(path: path, reason: "it does not belong to '\(publicFile)'; correct keys.toml")
        case .command(let words):
            throw .signingFailed(
                command: words.first ?? "",
                reason:
                    "what it printed is no signature of '\(publicFile)' in the scheme \(scheme.rawValue); "
                    + "it must print only the signature, raw or in base64"
            )
        }
    }

    private func signWithFile(_ path: String, _ message: [UInt8], _ scheme: SignatureScheme)
        throws(RepositoryError) -> [UInt8]
    {
        guard let bytes = try DurableFiles.read(path, limit: Self.keyFileLimit) else {
            throw .badKey(path: path, reason: "it is not there; mount or copy the folder that has it")
        }
        do throws(SignatureError) {
            return try PrivateKey(pem: String(decoding: bytes, as: UTF8.self)).sign(message, scheme: scheme)
        } catch {
            throw .badKey(path: path, reason: "\(error)")
        }
    }

    /// What a program's output can mean: the raw bytes, or base64 text.
    private static func run(_ words: [String], _ message: [UInt8]) async throws(RepositoryError) -> [[UInt8]]
    {
        guard let program = words.first else {
            throw .signingFailed(command: "", reason: "keys.toml names no program")
        }
        let command = Command(
            program,
            Array(words.dropFirst()),
            timeout: timeLimit,
            outputLimit: outputLimit,
            remedy: "install it, or correct the command in keys.toml"
        )
        let output: CommandOutput
        do throws(ProcessError) {
            output = try await command.run(input: message)
        } catch {
            throw .signingFailed(command: program, reason: Self.text(error))
        }
        let raw = output.standardOutput
        let text = String(decoding: raw, as: UTF8.self).filter { !$0.isWhitespace }
        return [raw] + (Data(base64Encoded: text).map { [Array($0)] } ?? [])
    }

    /// Why a program failed, without its arguments: these may have a PIN or a token, and messages go to logs.
    private static func text(_ error: ProcessError) -> String {
        switch error {
        case .notFound: "\(error)"
        case .cannotStart(_, let reason), .communication(_, let reason): reason
        case .failed(_, let status, let message): "it \(status)\(message.isEmpty ? "" : ": \(message)")"
        case .timedOut(_, let limit, let message):
            "it did not end within \(limit)\(message.isEmpty ? "" : ": \(message)")"
        case .cancelled: "it was stopped because the operation was cancelled"
        case .outputTooLarge(_, let limit): "it printed more than \(limit) bytes"
        }
    }
}
