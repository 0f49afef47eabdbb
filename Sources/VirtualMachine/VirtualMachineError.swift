/// Why a machine could not be started, or did not do what was waited for.
public enum VirtualMachineError: Error, Equatable, CustomStringConvertible {
    /// A value of the configuration is out of range.
    case invalid(what: String, value: String, allowed: String)
    /// A program is not installed.
    case programMissing(name: String, package: String)
    /// The firmware is not installed.
    case firmwareMissing(path: String, package: String)
    /// A file could not be opened, read, copied or made.
    case file(path: String, problem: String)
    /// The image is larger than the disk asked for, in bytes.
    case diskTooSmall(image: String, imageSize: UInt64, diskSize: UInt64)
    /// The work directory's disk was made for another image.
    case diskOfOtherImage(disk: String, image: String)
    /// `qemu-img` failed.
    case overlay(disk: String, message: String)
    /// KVM was asked for and does not work here.
    case accelerationUnusable(reason: String)
    /// QEMU could not be run.
    case start(program: String, problem: String)
    /// QEMU ended before what was waited for; with its status, its messages and the last lines of the console.
    case ended(while: String, status: String, messages: String, console: String)
    /// What was waited for did not happen in time; with QEMU's messages and the last lines of the console.
    case timeout(waitingFor: String, after: Duration, messages: String, console: String)
    /// A QMP command failed or its answer could not be understood.
    case monitor(command: String, problem: String)

    /// What is wrong, with which value, and what to do about it.
    public var description: String {
        switch self {
        case .invalid(let what, let value, let allowed):
            "\(what) is \(value), allowed is: \(allowed)"
        case .programMissing(let name, let package):
            "\(name) was not found in PATH: apt install \(package)"
        case .firmwareMissing(let path, let package):
            "the UEFI firmware '\(path)' is missing: apt install \(package)"
        case .file(let path, let problem):
            "'\(path)': \(problem)"
        case .diskTooSmall(let image, let imageSize, let diskSize):
            "a disk of \(diskSize) bytes cannot hold the image '\(image)' of \(imageSize) bytes: ask for a larger disk"
        case .diskOfOtherImage(let disk, let image):
            "the disk '\(disk)' was not made for '\(image)' as it is now: remove it or use another work directory"
        case .overlay(let disk, let message):
            "qemu-img could not make the disk '\(disk)': \(message)"
        case .accelerationUnusable(let reason):
            "KVM does not work here (\(reason)): use automatic or tcg acceleration"
        case .start(let program, let problem):
            "\(program) could not be run: \(problem)"
        case .ended(let activity, let status, let messages, let console):
            "QEMU ended (\(status)) while \(activity)\(Self.block("its messages", messages))"
                + Self.block("last lines of the console", console)
        case .timeout(let activity, let duration, let messages, let console):
            "nothing came of \(activity) within \(duration): allow more time, or look at the console log"
                + Self.block("QEMU's messages", messages)
                + Self.block("last lines of the console", console)
        case .monitor(let command, let problem):
            "QEMU's monitor did not execute '\(command)': \(problem)"
        }
    }

    private static func block(_ title: String, _ text: String) -> String {
        text.isEmpty ? "" : "\n\(title):\n\(text)"
    }
}
