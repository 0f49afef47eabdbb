import Glibc
import Hashing
import Verity

/// `verity-bench DATA TREE SALT UUID`: builds the hash tree of a file and prints the seconds it took and the
/// root hash.
///
/// The clock runs only while the tree is built, as `openssl speed` and the stage of a build count it too; the
/// caller times the whole process where a whole process is the peer.
@main
struct VerityBench {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 5, let salt = Hex.decode(arguments[3]),
            let uuid = Hex.decode(arguments[4])
        else {
            let usage = "usage: verity-bench DATA TREE SALT UUID (salt and UUID as hexadecimal digits)\n"
            _ = usage.withCString { write(STDERR_FILENO, $0, strlen($0)) }
            exit(2)
        }
        let clock = ContinuousClock()
        let start = clock.now
        let data = try VeritySource(path: arguments[1])
        let parameters = try VerityParameters(salt: salt, uuid: uuid, dataSize: data.byteCount)
        let hash = try VerityTree.write(data: data, parameters: parameters, to: arguments[2])
        let seconds = (clock.now - start) / Duration.seconds(1)
        print("\(seconds) \(hash.hex)")
    }
}
