//! The two things WGSL lacks that these shaders want, each on lines of their own:
//!
//! - `#include "common/name.wgsl"`: that file's text, once a shader.
//! - `#for i in 0..8` ... `#end`: the lines between, once for each number (`#for i in 0..8 step 2` for every second),
//!   with `$(...)` replaced by the value of an expression of numbers, loop variables, `+ - * / %` and parentheses.
//!   Registers have names, not indices, so a tile of them is written this way.

use std::fs;
use std::path::Path;

/// A shader's text, expanded.
pub fn expand(root: &Path, path: &Path) -> Result<String, String> {
    let mut seen = Vec::new();
    let mut lines = Vec::new();
    include(root, path, &mut seen, &mut lines)?;
    let mut text = String::new();
    repeat(&lines, &mut Vec::new(), &mut text)?;
    Ok(text)
}

fn include(root: &Path, path: &Path, seen: &mut Vec<String>, lines: &mut Vec<String>) -> Result<(), String> {
    let source = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    for line in source.lines() {
        let Some(rest) = line.trim().strip_prefix("#include ") else {
            lines.push(line.to_owned());
            continue;
        };
        let name = rest.strip_prefix('"').and_then(|r| r.strip_suffix('"'));
        let name = name.ok_or_else(|| format!("`{line}`: #include takes a name in quotes"))?;
        if !seen.iter().any(|s| s == name) {
            seen.push(name.to_owned());
            include(root, &root.join(name), seen, lines)?;
        }
    }
    Ok(())
}

type Variables = Vec<(String, i64)>;

/// Writes lines with their loops unrolled.
fn repeat(lines: &[String], variables: &mut Variables, text: &mut String) -> Result<(), String> {
    let mut at = 0;
    while at < lines.len() {
        let line = &lines[at];
        at += 1;
        let Some(head) = line.trim().strip_prefix("#for ") else {
            text.push_str(&fill(line, variables)?);
            text.push('\n');
            continue;
        };
        let (name, numbers) =
            loop_head(head).ok_or_else(|| format!("`{line}`: #for NAME in A..B [step C]"))?;
        let body = at;
        let mut depth = 1;
        while depth > 0 {
            let inner = lines.get(at).ok_or_else(|| format!("`{line}` has no #end"))?.trim();
            depth += i32::from(inner.starts_with("#for ")) - i32::from(inner == "#end");
            at += 1;
        }
        for number in numbers {
            variables.push((name.clone(), number));
            repeat(&lines[body..at - 1], variables, text)?;
            variables.pop();
        }
    }
    Ok(())
}

fn loop_head(head: &str) -> Option<(String, impl Iterator<Item = i64> + use<>)> {
    let (name, range) = head.split_once(" in ")?;
    let (range, step) = range.split_once(" step ").unwrap_or((range, "1"));
    let (from, to) = range.split_once("..")?;
    let (from, to): (i64, i64) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
    let step: usize = step.trim().parse().ok().filter(|s| *s > 0)?;
    Some((name.trim().to_owned(), (from..to).step_by(step)))
}

/// A line with the values of its expressions.
fn fill(line: &str, variables: &Variables) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("$(") {
        let mut depth = 1;
        let end = after.find(|c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth == 0
        });
        let end = end.ok_or_else(|| format!("`{line}`: $( has no end"))?;
        let tokens = tokens(&after[..end]);
        let mut reader = Reader { tokens: &tokens, variables };
        let value = reader.sum().filter(|_| reader.tokens.is_empty());
        filled.push_str(before);
        filled.push_str(
            &value.ok_or_else(|| format!("`{line}`: `{}` is no expression", &after[..end]))?.to_string(),
        );
        rest = &after[end + 1..];
    }
    filled.push_str(rest);
    Ok(filled)
}

fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut joins = false;
    for c in text.chars() {
        let is_word = c.is_alphanumeric() || c == '_';
        match tokens.last_mut() {
            Some(last) if is_word && joins => last.push(c),
            _ if !c.is_whitespace() => tokens.push(c.to_string()),
            _ => {}
        }
        joins = is_word;
    }
    tokens
}

struct Reader<'a> {
    tokens: &'a [String],
    variables: &'a Variables,
}

impl Reader<'_> {
    fn take(&mut self, wanted: &[&str]) -> Option<&str> {
        let (first, rest) = self.tokens.split_first()?;
        if !wanted.contains(&first.as_str()) {
            return None;
        }
        self.tokens = rest;
        Some(first)
    }

    fn sum(&mut self) -> Option<i64> {
        let mut value = self.product()?;
        while let Some(sign) = self.take(&["+", "-"]).map(|s| if s == "+" { 1 } else { -1 }) {
            value += sign * self.product()?;
        }
        Some(value)
    }

    fn product(&mut self) -> Option<i64> {
        let mut value = self.atom()?;
        while let Some(sign) = self.take(&["*", "/", "%"]).map(str::to_owned) {
            let right = self.atom()?;
            value = match sign.as_str() {
                "*" => value * right,
                "/" => value.checked_div(right)?,
                _ => value.checked_rem(right)?,
            };
        }
        Some(value)
    }

    fn atom(&mut self) -> Option<i64> {
        if self.take(&["("]).is_some() {
            let value = self.sum()?;
            self.take(&[")"])?;
            return Some(value);
        }
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        let variable = self.variables.iter().rev().find(|(name, _)| name == first);
        variable.map(|(_, value)| *value).or_else(|| first.parse().ok())
    }
}
