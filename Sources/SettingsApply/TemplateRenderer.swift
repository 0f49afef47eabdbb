public import JSON
public import Templates
internal import Glibc
internal import SmallFiles

/// Who makes the text of a file from settings.
public protocol TemplateRenderer: Sendable {
    /// Renders a template.
    ///
    /// - Parameters:
    ///   - name: the file name of the template.
    ///   - settings: all settings in force, as one object.
    /// - Throws: `RenderError`, which tells no values of settings: some are secrets.
    func render(template name: String, settings: JSONValue) throws(RenderError) -> String
}

/// Why a template could not be rendered.
public struct RenderError: Error, Equatable, CustomStringConvertible {
    /// Which template, what is wrong, and what to do.
    public let description: String

    /// An error.
    public init(_ description: String) { self.description = description }
}

/// Renders the templates of a folder, such as `/usr/share/bulkhead/templates`.
public struct TemplateFolder: TemplateRenderer {
    private let path: String
    private let os: JSONValue?
    private let helpers: HelperSet

    /// A folder of templates.
    ///
    /// - Parameters:
    ///   - path: where it is.
    ///   - os: what templates read as `os`: what `GET /os` answers.
    ///   - helpers: what templates may call; by default all, with those that ask the host.
    public init(path: String, os: JSONValue? = nil, helpers: HelperSet = .ofThisHost) {
        self.path = path
        self.os = os
        self.helpers = helpers
    }

    /// Reads and renders a template.
    public func render(template name: String, settings: JSONValue) throws(RenderError) -> String {
        let bytes: [UInt8]
        do throws(SmallFileError) {
            bytes = try readSmallFile("\(path)/\(name)", maximumLength: Template.maximumLength)
        } catch {
            throw RenderError("template '\(name)' \(error)")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw RenderError("template '\(name)' is not UTF-8: save it in that encoding")
        }
        var context: [String: JSONValue] = ["settings": settings]
        context["os"] = os
        do throws(TemplateError) {
            return try Template(parsing: text, name: name).render(context: .object(context), helpers: helpers)
        } catch {
            throw RenderError(error.description)
        }
    }
}

extension HelperSet {
    /// The longest file that `file_contents` reads, in bytes; bundles of certificates have 0.3 MB.
    private static let maximumFileLength = 2 << 20

    /// All helpers, with those that ask this host: its processors, and files of its image below /usr.
    public static var ofThisHost: HelperSet {
        let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        return host(processors: processors) { path throws(HelperError) in
            // A link below /usr may lead elsewhere, to what is not of the verified image.
            guard let real = realpath(path, nil) else {
                throw HelperError("'\(path)' can't be read: \(String(cString: strerror(errno)))")
            }
            defer { free(real) }
            let target = String(cString: real)
            guard target.hasPrefix("/usr/") else {
                throw HelperError("'\(path)' is not below /usr: '\(target)'")
            }
            let bytes: [UInt8]
            do throws(SmallFileError) {
                bytes = try readSmallFile(target, maximumLength: maximumFileLength)
            } catch {
                throw HelperError("'\(path)' \(error)")
            }
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw HelperError("'\(path)' is not UTF-8 text")
            }
            return text
        }
    }
}
