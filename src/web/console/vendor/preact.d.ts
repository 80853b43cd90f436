// The part of preact.js that the console uses, for tsc alone.
export interface Signal<T> { value: T; peek(): T; }
export interface ReadonlySignal<T> { readonly value: T; peek(): T; }
export function signal<T>(value: T): Signal<T>;
export function computed<T>(compute: () => T): ReadonlySignal<T>;
export function effect(run: () => void | (() => void)): () => void;
export function batch<T>(run: () => T): T;
export function untracked<T>(run: () => T): T;
export type VNode = object;
export function html(strings: TemplateStringsArray, ...values: unknown[]): any;
export function h(type: unknown, props: unknown, ...children: unknown[]): any;
export function render(node: unknown, parent: Element): void;
export const Fragment: unknown;
export function createRef<T>(): { current: T | null };
export function useEffect(run: () => void | (() => void), inputs?: unknown[]): void;
export function useLayoutEffect(run: () => void | (() => void), inputs?: unknown[]): void;
export function useRef<T>(value: T): { current: T };
export function useState<T>(value: T | (() => T)): [T, (value: T | ((before: T) => T)) => void];
