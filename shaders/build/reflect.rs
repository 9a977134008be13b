//! What a validated shader asks for: entry points, the uniform block at binding 0, and storage buffers from binding 1 on,
//! with a Rust structure for the block and for what buffers hold arrays of.

use std::fmt::Write as _;

use naga::valid::{Capabilities, ValidationFlags, Validator};
use naga::{AddressSpace, Module, ScalarKind, StorageAccess, TypeInner};

pub struct Reflected {
    pub entry_points: Vec<String>,
    pub uniform: Option<Block>,
    /// Structures that storage buffers are arrays of, by their names.
    pub elements: Vec<(String, Block)>,
    /// `Read` or `Write`, in order of binding.
    pub storage: Vec<&'static str>,
    /// Bytes from one element of each to the next.
    pub strides: Vec<u32>,
}

/// A structure of 4-byte scalars.
pub struct Block {
    pub size: u32,
    members: Vec<(String, &'static str, u32)>,
}

pub fn reflect(source: &str) -> Result<Reflected, String> {
    let module = naga::front::wgsl::parse_str(source).map_err(|e| e.emit_to_string(source))?;
    let optional = Capabilities::SHADER_INT64 | Capabilities::SUBGROUP | Capabilities::SHADER_FLOAT16;
    Validator::new(ValidationFlags::all(), Capabilities::default() | optional)
        .validate(&module)
        .map_err(|e| e.emit_to_string(source))?;
    let entry_points = module.entry_points.iter().map(|e| e.name.clone()).collect();
    let mut uniform = None;
    let mut storage = Vec::new();
    let mut elements = Vec::new();
    for (_, variable) in module.global_variables.iter() {
        let Some(binding) = &variable.binding else { continue };
        let name = variable.name.as_deref().unwrap_or("?");
        if binding.group != 0 {
            return Err(format!("{name} is in group {}; everything lives in group 0", binding.group));
        }
        match variable.space {
            AddressSpace::Uniform if binding.binding == 0 => {
                uniform = Some(Block::of(&module, variable.ty)?);
            }
            AddressSpace::Storage { access } => {
                let writes = access.contains(StorageAccess::STORE);
                let TypeInner::Array { base, stride, .. } = module.types[variable.ty].inner else {
                    return Err(format!("{name} must be an array"));
                };
                storage.push((binding.binding, if writes { "Write" } else { "Read" }, stride));
                if let TypeInner::Struct { .. } = module.types[base].inner {
                    let element =
                        module.types[base].name.clone().ok_or("a buffer's structure has no name")?;
                    elements.push((element, Block::of(&module, base)?));
                }
            }
            _ => return Err(format!("{name}: a uniform block at binding 0 or a storage buffer is expected")),
        }
    }
    storage.sort_unstable();
    for (expected, (binding, ..)) in storage.iter().enumerate() {
        if *binding as usize != expected + 1 {
            return Err(format!("storage buffers take bindings 1, 2, ... in order, but {binding} is there"));
        }
    }
    let (storage, strides) = storage.into_iter().map(|(_, kind, stride)| (kind, stride)).unzip();
    Ok(Reflected { entry_points, uniform, elements, storage, strides })
}

impl Block {
    fn of(module: &Module, ty: naga::Handle<naga::Type>) -> Result<Self, String> {
        let TypeInner::Struct { members, span } = &module.types[ty].inner else {
            return Err("a uniform block must be a structure".into());
        };
        let mut fields = Vec::new();
        for member in members {
            let name = member.name.clone().ok_or("a member has no name")?;
            let kind = match &module.types[member.ty].inner {
                TypeInner::Scalar(s) if s.width == 4 && s.kind == ScalarKind::Uint => "u32",
                TypeInner::Scalar(s) if s.width == 4 && s.kind == ScalarKind::Sint => "i32",
                TypeInner::Scalar(s) if s.width == 4 && s.kind == ScalarKind::Float => "f32",
                _ => return Err(format!("member {name} is neither u32, i32 nor f32")),
            };
            fields.push((name, kind, member.offset));
        }
        Ok(Self { size: *span, members: fields })
    }

    /// The Rust structure, and a check at compile time that its layout is the shader's.
    pub fn write(&self, shader: &str, element: Option<&str>, to: &mut String) {
        let name: String = shader
            .split('_')
            .map(|part| part[..1].to_uppercase() + &part[1..])
            .chain([element.unwrap_or("Uniform").to_owned()])
            .collect();
        let what = element.map_or("Uniform block".to_owned(), |e| format!("`{e}`"));
        let _ = writeln!(
            to,
            "/// {what} of `{shader}.wgsl`.\n#[repr(C)]\n#[derive(Debug, Clone, Copy, Default, bytemuck::Pod, \
             bytemuck::Zeroable)]\npub struct {name} {{"
        );
        for (field, kind, _) in &self.members {
            let _ = writeln!(to, "    pub {field}: {kind},");
        }
        let _ = writeln!(to, "}}\nconst _: () = assert!(size_of::<{name}>() == {});", self.size);
        for (field, _, offset) in &self.members {
            let _ = writeln!(to, "const _: () = assert!(std::mem::offset_of!({name}, {field}) == {offset});");
        }
    }
}
