import { useId } from "react";

interface Attributes {
  id: string;
  "aria-invalid": boolean;
  "aria-describedby": string | undefined;
}

interface Props {
  label: string;
  error: string | undefined;
  children: (attributes: Attributes) => React.ReactNode;
}

/** A labelled input and, where there is one, what is wrong with it. */
export function Field({ label, error, children }: Props): React.JSX.Element {
  const id = useId();
  const errorId = `${id}-error`;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({
        id,
        "aria-invalid": error !== undefined,
        "aria-describedby": error === undefined ? undefined : errorId,
      })}
      {error !== undefined && (
        <p className="wrong" id={errorId}>
          {error}
        </p>
      )}
    </div>
  );
}
