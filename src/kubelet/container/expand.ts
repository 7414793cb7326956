/**
 * `$(NAME)` in commands, arguments and values stands for a variable; `$$` for a dollar sign; what is not defined stays
 * as it is. Source: Kubernetes API reference, Container, command.
 */
export function expand(text: string, lookUp: (name: string) => string | undefined): string {
  return text.replaceAll(/\$(?:\$|\(([^()]*)\))/g, (whole, name: string | undefined) => {
    if (name === undefined) return "$";
    return lookUp(name) ?? whole;
  });
}
