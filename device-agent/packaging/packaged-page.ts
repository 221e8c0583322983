import { posix } from 'node:path';

/**
 * A page of the repository as it lies on a board, where the pages it leads to are not: they are named by their path in the repository. Links
 * within the page and to the web stay.
 */
export function packagedPage(markdown: string, pathInRepository: string): string {
  const directory = posix.dirname(pathInRepository);
  const text = markdown.replaceAll(
    /\[([^\]]+)\]\((?!#|[a-z]+:)([^)]+)\)/g,
    (_, label: string, target: string) => {
      const path = posix.join(directory, target);
      return label.replaceAll('`', '') === path ? `\`${path}\`` : `${label} (\`${path}\`)`;
    },
  );
  return `${text.trimEnd()}\n\nPaths such as \`${pathInRepository}\`, of which this is a copy, are those of the source repository.\n`;
}
