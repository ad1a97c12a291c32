// What the page uses of its library, which comes from a Debian package without types.
declare module "markdown-it" {
  export interface Token {
    type: string;
    tag: string;
    nesting: 1 | 0 | -1;
    hidden: boolean;
    content: string;
    info: string;
    children: Token[] | null;
    attrGet(name: string): string | null;
  }
  export default class MarkdownIt {
    constructor(options: { html: boolean; linkify: boolean; breaks: boolean });
    parse(text: string, environment: object): Token[];
  }
}
