import Glibc
import TUFClient

exit(await TUFClientProgram.main(arguments: Array(CommandLine.arguments.dropFirst())))
