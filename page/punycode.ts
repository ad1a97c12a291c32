// Stands in for node's module of this name, which markdown-it uses to print the hosts of links. We show links as they
// were written, so nothing is done here.
export const toASCII = (host: string): string => host;
export const toUnicode = (host: string): string => host;
export default { toASCII, toUnicode };
